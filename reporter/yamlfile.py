"""Reads YAML and JSON that a person wrote, and says where it is wrong; writes YAML for people.

YAML is read the way Custodian reads it, by libyaml where that is there, and as strictly as `custodian validate`
does: a key that is there twice is an error (c7n.commands.DuplicateKeyCheckLoader). Beyond that everything is of
the kinds that JSON has, dates aside, and of a size that all that comes after can hold.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import yaml
from yaml.constructor import ConstructorError

from reporter.errors import InputError

_MAX_BYTES = 16 * 2**20
_MAX_DEPTH = 50  # lists and maps in each other; a policy seldom has ten
_MAX_REPEATED = 100_000  # values that aliases (`*name`) stand for; of a few lines they can make billions
_MAX_DIGITS = 100  # of a number as it is written
_INTEGERS = range(-(2**63), 2**64)
_HALF = "half of a surrogate pair is no character"

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(path: Path) -> Any:
    """The content of a YAML file, or of a JSON file where its name ends so.

    Raises InputError with file and line where it cannot be read or does not parse.
    """
    return parse(read(path), str(path))


def read(path: Path) -> bytes:
    """The bytes of a file, to be parsed. Raises InputError where it cannot be read, or is too large."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise InputError(f"{path}: larger than {_MAX_BYTES // 2**20} MB, which is the limit")
    return content


def parse(content: bytes, where: str) -> Any:
    """The content of YAML, or of JSON, that came from `where`.

    Raises InputError with that and the line where it does not parse.
    """
    is_json = where.endswith(".json")
    try:
        text = content.decode("utf-8-sig")
        return _parse_json(text) if is_json else _parse_yaml(text)
    except UnicodeDecodeError:
        raise InputError(f"{where}: not UTF-8 text") from None
    except RecursionError:
        raise InputError(f"{where}: nested deeper than {_MAX_DEPTH} levels") from None
    except yaml.reader.ReaderError as error:
        line = text.encode().count(b"\n", 0, error.position) + 1
        problem = f"the character U+{error.character:04X} is not allowed"
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problem = ": ".join(filter(None, (error.context, error.problem))) or str(error)
    except json.JSONDecodeError as error:
        line, problem = error.lineno, error.msg
    except ValueError as error:
        line, problem = 0, str(error)
    at = f", line {line}" if line else ""
    raise InputError(f"{where}{at}: not valid {'JSON' if is_json else 'YAML'}: {problem}")


def compose(text: str) -> yaml.MappingNode:
    """The nodes of a map in YAML that was found to be one: they tell in which line and column each begins."""
    return cast(yaml.MappingNode, yaml.compose(text, Loader=_Base))


def files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """What is in a folder under a name with one of the suffixes, in any case, by name; hidden ones are left out.

    Raises InputError where it cannot be listed, or for a pipe or a device: reading that could wait for ever.
    """
    try:
        found = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in suffixes and not path.name.startswith(".")
        )
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}") from None
    for path in found:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise InputError(f"{path}: not a regular file")
    return found


def _parse_yaml(text: str) -> Any:
    _check_size(text)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_keys(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _check_size(text: str) -> None:
    """Go through it without building anything, and raise ConstructorError where it would become too much."""
    events: Iterator[Any] = yaml.parse(text, Loader=_Base)
    sizes: dict[str, int] = {}  # of what has an anchor, in values
    within: list[tuple[str | None, int]] = []  # the lists and maps it is in: anchor, and `size` as they began
    size = repeated = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in within):
                raise _wrong(event, f"*{event.anchor} stands within itself")
            own = sizes.get(event.anchor or "", 0)
            size += own
            repeated += own
            if repeated > _MAX_REPEATED:
                raise _wrong(event, f"the aliases stand for more than {_MAX_REPEATED:,} values")
        elif isinstance(event, yaml.ScalarEvent):
            own = 1 + len(event.value) // 100
            size += own
            if event.anchor:
                sizes[event.anchor] = own
        elif isinstance(event, yaml.CollectionStartEvent):
            within.append((event.anchor, size))
            size += 1
            if len(within) > _MAX_DEPTH:
                raise _wrong(event, f"nested deeper than {_MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = within.pop()
            if anchor:
                sizes[anchor] = size - before


def _check_keys(node: yaml.Node) -> None:
    """Raise ConstructorError where a key of a map is no text, or is there twice.

    Before anything is built: the keys of maps that others are merged into (`<<`) are not only their own then.
    """
    seen: set[int] = set()
    inside = [node]
    while inside:
        each = inside.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, yaml.SequenceNode):
            inside += each.value
        elif isinstance(each, yaml.MappingNode):
            lines: dict[str, int] = {}
            for key, value in each.value:
                kind = key.tag.rpartition(":")[2]
                if not isinstance(key, yaml.ScalarNode) or kind not in ("str", "merge"):
                    what = f"the key {key.value[:100]}" if isinstance(key, yaml.ScalarNode) else "a key"
                    raise _wrong(key, f"{what} is no text ({kind}); text goes in quotes")
                if key.value in lines:
                    first = lines[key.value]
                    raise _wrong(key, f"the key {key.value} is there twice, first in line {first}")
                lines[key.value] = key.start_mark.line + 1
                inside.append(value)


class _Loader(_Base):  # type: ignore[misc]
    """Custodian's loader, for what JSON has, and dates. Errors tell the place of what they are about."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            return super().construct_object(node, deep)
        kind = node.tag.rpartition(":")[2]
        text = node.value if len(node.value) <= _MAX_DIGITS else f"{node.value[:20]}…"
        try:
            if kind in ("int", "float") and len(node.value) > _MAX_DIGITS:
                raise OverflowError
            value = super().construct_object(node, deep)
            if isinstance(value, int) and value not in _INTEGERS:
                raise OverflowError
        except yaml.YAMLError:
            raise
        except OverflowError:
            raise _wrong(node, f"{text} is too long a number; text goes in quotes") from None
        except Exception:  # PyYAML's conversions raise what they come upon
            raise _wrong(node, f"{text} is no {kind}; text goes in quotes") from None
        if isinstance(value, str) and _halved(value):
            raise _wrong(node, _HALF)
        return value


_Loader.yaml_constructors = {
    tag: constructor
    for tag, constructor in _Base.yaml_constructors.items()
    if not tag or tag.rpartition(":")[2] not in ("binary", "omap", "pairs", "set")
}


def _wrong(place: Any, problem: str) -> ConstructorError:
    """`place` is a node or an event."""
    return ConstructorError(problem=problem, problem_mark=place.start_mark)


def _parse_json(text: str) -> Any:
    content = json.loads(text, object_pairs_hook=_unique, parse_int=_integer, parse_constant=_constant)
    inside = [(content, 1)]
    while inside:
        value, depth = inside.pop()
        if depth > _MAX_DEPTH + 1:
            raise RecursionError
        if isinstance(value, dict):
            inside += ((each, depth + 1) for pair in value.items() for each in pair)
        elif isinstance(value, list):
            inside += ((each, depth + 1) for each in value)
        elif isinstance(value, str) and _halved(value):
            raise ValueError(_HALF)
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key} is there twice")
        found[key] = value
    return found


def _integer(digits: str) -> int:
    if len(digits) <= _MAX_DIGITS and int(digits) in _INTEGERS:
        return int(digits)
    raise ValueError(f"{digits[:20]}… is too long a number; text goes in quotes")


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _halved(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True  # a list that is used twice is written twice, without &id001

    def represent_text(self, text: str) -> yaml.ScalarNode:
        # 012345678901 is text to PyYAML, and a number to YAML 1.2: an account id would lose its zero.
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="'" if text.isdigit() else None)


_Dumper.add_representer(str, _Dumper.represent_text)


def dump(data: Any) -> str:
    """The data as YAML, one item or key a line, in the order given.

    Quoted where another reader would see a number.
    """
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf"))
