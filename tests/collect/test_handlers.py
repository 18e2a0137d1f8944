"""Handlers that sessions and clients share are each one's own as soon as one of them is changed."""

import copy
import random
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import botocore.session
from botocore import handlers, hooks

from reporter.collect.handlers import registering_once, sharing

NAMES = ["a", "a.b", "a.b.c", "a.*.c", "a.b.d", "b", "b.c"]


def called(emitter: Any) -> dict[str, list[Any]]:
    return {name: [handler for handler, _ in emitter.emit(name)] for name in NAMES}


def change(emitter: Any, chance: random.Random, made: list[Any]) -> None:
    if made and chance.random() < 0.4:
        with suppress(AttributeError):  # at a part of a name, where botocore stumbles
            emitter.unregister(*chance.choice(made))
        return
    name = chance.choice(NAMES)

    def handler(**_: Any) -> None:
        pass

    made.append((name, handler))
    register = chance.choice([emitter.register, emitter.register_first, emitter.register_last])
    register(name, handler)


def emitters(seed: int) -> list[dict[str, list[int]]]:
    """What copies of copies call after changes to any of them, each handler by its number."""
    chance, made, found = random.Random(seed), list[Any](), [hooks.HierarchicalEmitter()]
    for _ in range(60):
        one = chance.choice(found)
        if chance.random() < 0.15:
            found.append(copy.copy(one))
        else:
            change(one, chance, made)
    numbers = {handler: number for number, (_, handler) in enumerate(made)}
    return [{name: [numbers[each] for each in calls] for name, calls in called(one).items()} for one in found]


def test_copies_are_changed_as_botocores_own_are() -> None:
    expected = [emitters(seed) for seed in range(100)]
    with patch.object(hooks, "_PrefixTrie", sharing(hooks._PrefixTrie)):
        assert [emitters(seed) for seed in range(100)] == expected


def registered(session: Any) -> Any:
    """All handlers of a session, by what they are for."""
    return copied(session._original_handler._handlers._root)


def called_before_calls(session: Any) -> list[Any]:
    return list(session._original_handler._handlers.prefix_search("before-call.ec2"))


def copied(node: Any) -> Any:
    return {key: copied(value) for key, value in node.items()} if isinstance(node, dict) else copy.copy(node)


def test_sessions_begin_with_the_same_handlers_and_go_on_apart() -> None:
    def first(**_: Any) -> None:
        pass

    def later(**_: Any) -> None:
        pass

    once = registering_once(botocore.session.Session._register_builtin_handlers)
    with (
        patch.object(hooks, "_PrefixTrie", sharing(hooks._PrefixTrie)),
        patch.object(handlers, "BUILTIN_HANDLERS", [*handlers.BUILTIN_HANDLERS]),
        patch.object(botocore.session.Session, "_register_builtin_handlers", once),
    ):
        one = botocore.session.Session()
        before = registered(one)
        one.register("before-call.ec2", first)
        other = botocore.session.Session()
        client = other.create_client(
            "ec2", "us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
        )
        client.meta.events.register("before-call.ec2", first)
        assert first in called_before_calls(one)
        assert registered(other) == before
        assert registered(botocore.session.Session()) == before

        handlers.BUILTIN_HANDLERS.append(("before-call.ec2", later))
        with_later = botocore.session.Session()
        assert later in called_before_calls(with_later)
        assert registered(botocore.session.Session()) == registered(with_later) != before


def test_a_session_with_handlers_of_its_own_registers_beside_them() -> None:
    def own(**_: Any) -> None:
        pass

    given = hooks.HierarchicalEmitter()
    given.register("before-call.ec2", own)
    expected = registered(botocore.session.Session(event_hooks=given))
    once = registering_once(botocore.session.Session._register_builtin_handlers)
    with patch.object(botocore.session.Session, "_register_builtin_handlers", once):
        botocore.session.Session()
        again = hooks.HierarchicalEmitter()
        again.register("before-call.ec2", own)
        assert registered(botocore.session.Session(event_hooks=again)) == expected
