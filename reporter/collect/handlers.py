"""Handlers of botocore's events: each session registers some 200, and each client takes over a copy of them.

Checked against botocore.hooks and botocore.session of botocore 1.43.
"""

import copy
from collections.abc import Callable
from typing import Any

from botocore import handlers


def sharing(original: Any) -> Any:
    """Stands for botocore.hooks._PrefixTrie: a copy shares its nodes until one of the two is changed."""

    class SharingTrie(original):  # type: ignore[misc]
        _root: dict[str, Any]
        _is_shared = False

        def __copy__(self) -> Any:
            self._is_shared = True
            made = type(self)()
            made.__dict__.update(self.__dict__)
            return made

        def append_item(self, key: str, *item: Any, **section: Any) -> None:
            self._own_way_to(key)
            super().append_item(key, *item, **section)

        def remove_item(self, key: str, value: Any) -> None:
            self._own_way_to(key)
            super().remove_item(key, value)

        def _own_way_to(self, key: str) -> None:
            if not self._is_shared:
                return
            node = self._root = _own(self._root)
            for part in key.split("."):
                children = node["children"]
                if part not in children:
                    break
                node = children[part] = _own(children[part])

    return SharingTrie


def _own(node: dict[str, Any]) -> dict[str, Any]:
    """A node whose children are still shared."""
    return {**node, "children": node["children"].copy(), "values": copy.copy(node["values"])}


def registering_once(original: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Stands for Session._register_builtin_handlers: what one session has registered, the next begins with."""
    registered: list[Any] = []
    made: list[Any] = []

    def register_builtin_handlers(self: Any, events: Any) -> None:
        emitter = self._original_handler
        if type(emitter).__name__ != "HierarchicalEmitter" or emitter._handlers._root["children"]:
            original(self, events)
        elif registered == handlers.BUILTIN_HANDLERS:
            emitter._handlers = copy.copy(made[0])
        else:
            original(self, events)
            registered[:] = handlers.BUILTIN_HANDLERS
            made[:] = [copy.copy(emitter._handlers)]

    return register_builtin_handlers
