"""Handlers of botocore's events: each session registers some 200, and each client takes over a copy of them.

Checked against botocore.hooks and botocore.session of botocore 1.43.
"""

import copy
from collections.abc import Callable
from types import FunctionType
from typing import Any

import botocore.utils
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


def remembering_aliases(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stands for EventAliaser._alias_event_name, which each session and client asks hundreds of times."""
    known: dict[str, str] = {}
    aliases = getattr(botocore.utils, "EVENT_ALIASES", None)

    def alias_event_name(self: Any, event_name: str) -> str:
        if self._event_aliases != aliases:  # not `is`: each session and client has a copy
            return str(original(self, event_name))
        if event_name not in known:
            known[event_name] = original(self, event_name)
        return known[event_name]

    return alias_event_name


def remembering_signatures(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stands for botocore.hooks.accepts_kwargs, whose answer depends on the function alone."""
    known: dict[FunctionType, bool] = {}

    def accepts_kwargs(func: Any) -> Any:
        function = getattr(func, "__func__", func)
        if not isinstance(function, FunctionType) or "<locals>" in function.__qualname__:
            return original(func)  # one that is made anew each time would be kept for nothing
        if function not in known:
            known[function] = original(func)
        return known[function]

    return accepts_kwargs


def copying_faster(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stands for NodeList.__copy__: the same copy in a third of the time."""

    def copy(self: Any) -> Any:
        first, middle, last = self
        return type(self)(first[:], middle[:], last[:])

    return copy
