"""Parses AWS's answers in XML just as botocore does, in a third of the time.

botocore finds out anew for each element how its shape is to be read: what its members are called on the wire, of which
type they are, what a tag is without its namespace. Here that is found out once a shape. What is seldom (an error, a
union, headers, attributes, a map, an element that is there twice) is left to botocore.

Checked against `BaseXMLResponseParser._handle_structure` of botocore 1.43.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.parsers import EC2QueryParser, QueryParser

_MEMBERS = "_sg_audit_members"
# Of a structure, so that an answer full of names that no shape knows does not stay in memory.
_MANY_TAGS = 1_000
_NEW: Any = object()

#: Reads an element by a parser of botocore's.
_Read = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class _Member:
    place: int  # among the members of its structure, which is their order in what is read
    name: str
    read: _Read


class _Members:
    """The members of a structure by tag: as a shape calls them, and as they came, with a namespace."""

    def __init__(self, members: dict[str, _Member]) -> None:
        self._members = members
        self.by_tag: dict[str, _Member | None] = {}

    def find(self, tag: str) -> _Member | None:
        if len(self.by_tag) >= _MANY_TAGS:
            self.by_tag.clear()
        member = self.by_tag[tag] = self._members.get(tag.rpartition("}")[2])
        return member


def reading_faster(original: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """Stands for BaseXMLResponseParser._handle_structure."""

    def handle_structure(self: Any, shape: Any, node: Any) -> Any:
        members = shape.__dict__.get(_MEMBERS)
        if members is None:
            members = shape.__dict__[_MEMBERS] = _members(shape, handle_structure)
        if not members or isinstance(node, list) or type(self) not in (EC2QueryParser, QueryParser):
            return original(self, shape, node)
        by_tag = members.by_tag
        found: dict[int, tuple[_Member, Any]] = {}
        for item in node:
            member = by_tag.get(item.tag, _NEW)
            if member is _NEW:  # not looked for twice: another thread may drop all of them
                member = members.find(item.tag)
            if member is not None:
                if member.place in found:
                    return original(self, shape, node)
                found[member.place] = member, item
        return {
            member.name: member.read(self, item) for member, item in (found[place] for place in sorted(found))
        }

    return handle_structure


def _members(shape: Any, handle_structure: Callable[[Any, Any, Any], Any]) -> _Members | bool:
    """The members of a structure; False where it is botocore's to read."""
    if shape.metadata.get("exception") or shape.is_tagged_union:
        return False
    members: dict[str, _Member] = {}
    for place, (name, member) in enumerate(shape.members.items()):
        if {"location", "eventheader", "xmlAttribute"} & member.serialization.keys():
            return False
        if member.serialization.get("flattened"):
            return False
        tag = member.serialization.get("name", name)
        if tag in members:
            return False
        members[tag] = _Member(place, name, _reader(member, handle_structure))
    return _Members(members)


def _reader(shape: Any, handle_structure: Callable[[Any, Any, Any], Any]) -> _Read:
    if shape.type_name == "structure":
        return lambda parser, node: handle_structure(parser, shape, node)
    if shape.type_name == "list" and not shape.serialization.get("flattened"):
        return partial(_list, _reader(shape.member, handle_structure))
    return _SCALARS.get(shape.type_name) or (lambda parser, node: parser._parse_shape(shape, node))


def _list(read: _Read, parser: Any, node: Any) -> list[Any]:
    return [read(parser, item) for item in node]


_SCALARS: dict[str, _Read] = {
    "string": lambda parser, node: node.text or "",
    "character": lambda parser, node: node.text or "",
    "boolean": lambda parser, node: node.text == "true",
    "integer": lambda parser, node: int(node.text or ""),
    "long": lambda parser, node: int(node.text or ""),
}
