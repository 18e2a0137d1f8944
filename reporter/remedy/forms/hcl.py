"""Terraform's language, as far as a plan needs it: blocks of attributes, and texts that stay texts.

https://developer.hashicorp.com/terraform/language/expressions/strings#escape-sequences
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


@dataclass(frozen=True)
class Raw:
    """An expression as it is written: a reference to something, or a keyword."""

    text: str


Value = str | bool | int | Raw | Sequence["Value"] | Mapping[str, "Value"]


@dataclass(frozen=True)
class Block:
    """A block with its labels; `body` has its attributes, and `within` the blocks in it."""

    kind: str
    labels: Sequence[str] = ()
    body: Mapping[str, Value] | None = None
    within: Sequence["Block"] = ()


def render(block: Block, indent: str = "") -> str:
    """A block as `terraform fmt` leaves it, ended by a new line."""
    inner = indent + "  "
    head = " ".join([block.kind, *map(quoted, block.labels)])
    parts = ["".join(_attributes(block.body.items(), inner))] if block.body else []
    parts += [render(each, inner) for each in block.within]
    return f"{indent}{head} {{\n" + "\n".join(parts) + f"{indent}}}\n"


def quoted(text: str) -> str:
    """A text in quotes, in which nothing is an escape, an interpolation or a directive."""
    written = []
    for position, each in enumerate(text):
        if each in _ESCAPES:
            written.append(_ESCAPES[each])
        elif each in "$%" and text[position + 1 : position + 2] == "{":
            written.append(each * 2)
        elif each.isprintable():
            written.append(each)
        else:
            code = ord(each)
            written.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return f'"{"".join(written)}"'


def _attributes(written: Iterable[tuple[str, Value]], indent: str) -> Iterator[str]:
    """Names and values, one below the other. Equal signs are in line where one line follows another."""
    values = [(name, _value(value, indent)) for name, value in written]
    for several, run in groupby(values, lambda each: "\n" in each[1]):
        lines = list(run)
        width = 0 if several else max(len(name) for name, _ in lines)
        for name, value in lines:
            yield f"{indent}{name:<{width}} = {value}\n"


def _value(value: Value, indent: str) -> str:
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        return (
            "{\n"
            + "".join(_attributes(((quoted(key), each) for key, each in value.items()), indent + "  "))
            + indent
            + "}"
        )
    return f"[{', '.join(_value(each, indent) for each in value)}]"
