"""Which columns a resource of any type is shown with, and its values there.

Expressions are those of `custodian report --field`: JMESPath, or `tag:KEY`, `list:JMESPATH`, `count:JMESPATH`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from math import isfinite
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from reporter.custodian.resource_types import Field
from reporter.errors import InputError
from reporter.names import clean

TAGS = "tags"
_TAG = "tag:"
_PREFIXES = (_TAG, "list:", "count:")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
# What a function of a value that a resource has not raises: JMESPath itself sees to some of it.
_NOT_OF_THIS_RESOURCE = (JMESPathError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

#: A value of a cell: a text, a number, a boolean, or a tuple of texts. What a resource lacks is an empty text.
Value = str | int | float | bool | tuple[str, ...]


def parse(text: str) -> Field:
    """A field as `--field NAME=JMESPATH` has it.

    Raises InputError where it is not of that form, or not JMESPath.
    """
    name, equals, expression = text.partition("=")
    name = name.strip()
    if not (name and equals and expression):
        raise InputError(f"--field {text}: write NAME=JMESPATH, such as Owner=OwnerId")
    if name != clean(name):
        raise InputError(f"--field {text}: the name holds what cannot be shown in the head of a column")
    if _SURROGATE.search(expression):
        raise InputError(f"--field {text}: half of a surrogate pair; write the character itself")
    if not expression.startswith(_TAG):
        _check(_without_prefix(expression), text)
    return Field(name, expression)


def _check(path: str, option: str) -> None:
    try:
        compiled = _compiled(path)
        with suppress(*_NOT_OF_THIS_RESOURCE):
            compiled.search(None)  # to see that it is not nested too deep for that
    except RecursionError:
        raise InputError(f"--field {option[:100]}…: nested too deep") from None
    except (JMESPathError, ValueError) as error:  # the latter for literals that are no JSON
        raise InputError(f"--field {option}: not JMESPath: {' '.join(str(error).split())}") from None


def values(
    resource: Mapping[str, Any], fields: Sequence[Field] | None, more: Sequence[Field]
) -> dict[str, Value]:
    """A resource's cells by column, its tags last; without fields its top-level scalars."""
    if fields is None:
        found = {
            name: plain(value)
            for name, value in resource.items()
            if isinstance(value, str | int | float) and not name.startswith("c7n")
        }
    else:
        found = {field.name: value(resource, field.expression) for field in fields}
    found |= {field.name: value(resource, field.expression) for field in more}
    found.pop(TAGS, None)
    return found | {TAGS: tuple(f"{key}={text}" for key, text in sorted(_tags(resource).items()))}


def value(resource: Mapping[str, Any], expression: str) -> Value:
    """What an expression says of a resource."""
    path = _without_prefix(expression)
    if expression.startswith(_TAG):
        return _tags(resource).get(path, "")
    try:
        found = _compiled(path).search(resource)
        if expression.startswith("count:"):
            return len(found) if isinstance(found, list | dict | str) else ""
        if expression.startswith("list:") and isinstance(found, list):
            return tuple(map(_text, found))
        return plain(found)
    except _NOT_OF_THIS_RESOURCE:
        return ""


def plain(found: Any) -> Value:
    """A value as a cell holds it: a list of scalars stays one, whatever else is nested becomes JSON.

    So does a number that is none, or infinite: neither a workbook nor JSON has such.
    """
    if found is None:
        return ""
    if isinstance(found, float) and not isfinite(found):
        return _text(found)
    if isinstance(found, str | int | float):
        return found
    if isinstance(found, list) and not any(isinstance(each, list | dict) for each in found):
        return tuple(map(_text, found))
    return _text(found)


def _text(found: Any) -> str:
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def _tags(resource: Mapping[str, Any]) -> dict[str, str]:
    """A resource's tags, in any of the shapes that AWS has for them."""
    for name in ("Tags", "TagSet", TAGS, "TagList"):
        found = resource.get(name)
        if isinstance(found, dict):
            return {str(key): _text(text) for key, text in found.items()}
        if isinstance(found, list):
            pairs = (
                (_part(tag, "Key", "key"), _part(tag, "Value", "value"))
                for tag in found
                if isinstance(tag, dict)
            )
            return {key: text for key, text in pairs if key}
    return {}


def _part(tag: Mapping[str, Any], *names: str) -> str:
    return next((_text(tag[name]) for name in names if tag.get(name) is not None), "")


def _without_prefix(expression: str) -> str:
    return next(
        (expression.removeprefix(each) for each in _PREFIXES if expression.startswith(each)), expression
    )


@cache
def _compiled(path: str) -> Any:
    return jmespath.compile(path)
