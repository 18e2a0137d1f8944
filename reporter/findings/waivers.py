"""Waivers, as a person writes them in waivers.yml: which findings somebody has accepted, why, and until when."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from reporter import yamlfile
from reporter.errors import InputError

if TYPE_CHECKING:
    from jsonschema import ValidationError

#: What the file is called where no other is named: beside the accounts file.
DEFAULT_NAME = "waivers.yml"

_MOST = 10_000  # waivers in a file
_TOLD = 20  # mistakes
_SELECTING = ("policy", "account", "region", "group", "tags")
_EVERYTHING = f"it would waive everything: give a {', '.join(_SELECTING[:-1])} or {_SELECTING[-1]}"
_NAME = {"type": "string", "maxLength": 500, "format": "name"}
_PROSE = {"type": "string", "maxLength": 1_000, "format": "prose"}
_LIST = {"minItems": 1, "maxItems": 1_000, "items": _NAME}
_WAIVER: dict[str, Any] = {
    "type": "object",
    "required": ["reason", "owner", "expires"],
    "anyOf": [{"required": [key]} for key in _SELECTING],
    "additionalProperties": False,
    "properties": {
        "policy": _LIST | _NAME | {"type": ["string", "array"]},
        "account": _NAME,
        "region": _NAME,
        "group": _NAME,
        "tags": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 50,  # more has no group
            "propertyNames": _NAME,
            "additionalProperties": {"type": "string", "maxLength": 500},
        },
        "rules": _LIST | {"type": "array", "items": _NAME | {"pattern": " (from|to) "}},
        "reason": _PROSE,
        "owner": _PROSE,
        "expires": {"type": "string", "format": "date"},
    },
}

#: The JSON schema of the file. A date that YAML has read is a text to it.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["waivers"],
    "additionalProperties": False,
    "properties": {"waivers": {"type": ["array", "null"], "maxItems": _MOST, "items": _WAIVER}},
}


@dataclass(frozen=True)
class Waiver:
    """A waiver, and the file and line that it stands in, as `where` says.

    What is empty takes in any. Texts match exactly, or as globs where they hold `*` or `?`. With `rules`, None where
    any will do, it holds as long as no others made the policy match. It holds through the day `expires`, in UTC.
    """

    where: str
    policies: tuple[str, ...]
    account: str
    region: str
    group: str
    tags: Mapping[str, str]
    rules: frozenset[str] | None
    reason: str
    owner: str
    expires: date

    def __str__(self) -> str:
        return f"until {self.expires}: {self.reason} ({self.owner})"


def today() -> date:
    """The day in UTC."""
    return datetime.now(UTC).date()


def find(given: Path | None, accounts_file: Path | None) -> Path | None:
    """The file that was given, or else the one beside the accounts file, if there is one."""
    if given is not None or accounts_file is None:
        return given
    beside = accounts_file.parent / DEFAULT_NAME
    return beside if beside.exists() else None


def read(path: Path, day: date, max_days: int | None = None) -> tuple[Waiver, ...]:
    """The waivers of a file, on a day. Raises InputError as `parse` does."""
    return parse(yamlfile.read(path), str(path), day, max_days)


def parse(content: bytes, where: str, day: date, max_days: int | None = None) -> tuple[Waiver, ...]:
    """The waivers in YAML, or JSON, that came from `where`.

    Raises InputError with that and the line of each mistake, as far as there is room for them. It is one, too,
    where a waiver ends more than `max_days` after the day.
    """
    found = _with_texts_for_dates(yamlfile.parse(content, where))
    lines = _Lines(content, where)
    mistakes = list(islice(_mistakes(found, day, max_days), _TOLD + 1))
    if mistakes:
        in_order = sorted(mistakes[:_TOLD], key=lambda mistake: lines.number(mistake[0]))
        told = [f"{lines.of(place)}: {problem}" for place, problem in in_order]
        raise InputError(*told, *([f"{where}: and there are more"] if len(mistakes) > _TOLD else []))
    return tuple(
        _waiver(entry, lines.of(("waivers", number))) for number, entry in enumerate(found["waivers"] or ())
    )


def _waiver(entry: Mapping[str, Any], where: str) -> Waiver:
    policies = entry.get("policy", ())
    rules = entry.get("rules")
    return Waiver(
        where=where,
        policies=(policies,) if isinstance(policies, str) else tuple(policies),
        account=entry.get("account", ""),
        region=entry.get("region", ""),
        group=entry.get("group", ""),
        tags=entry.get("tags", {}),
        rules=None if rules is None else frozenset(map(_one_line, rules)),
        reason=_one_line(entry["reason"]),
        owner=_one_line(entry["owner"]),
        expires=date.fromisoformat(entry["expires"]),
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


# What is wrong


def _is_name(text: object) -> bool:
    return not isinstance(text, str) or (text.isprintable() and bool(text.strip()))


def _is_prose(text: object) -> bool:
    return not isinstance(text, str) or _is_name(_one_line(text))


def _is_date(text: object) -> bool:
    return not isinstance(text, str) or date.fromisoformat(text).isoformat() == text


@cache
def _validator() -> Any:
    # Late: it takes a while to load, and most reports have no waivers.
    import jsonschema

    formats = jsonschema.FormatChecker(formats=())
    formats.checks("name")(_is_name)
    formats.checks("prose")(_is_prose)
    formats.checks("date", raises=ValueError)(_is_date)
    return jsonschema.Draft7Validator(SCHEMA, format_checker=formats)


Mistake = tuple[Sequence[Any], str]


def _with_texts_for_dates(content: Any) -> Any:
    """The content with the days that waivers end on as text: a schema knows what JSON has."""
    entries = content.get("waivers") if isinstance(content, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        expires = entry.get("expires") if isinstance(entry, dict) else None
        if type(expires) is date:  # with a time of day it is none
            entry["expires"] = expires.isoformat()
    return content


def _mistakes(content: Any, day: date, max_days: int | None) -> Iterator[Mistake]:
    """Where something is wrong, as keys and numbers, and what."""
    entries = content.get("waivers") if isinstance(content, dict) else None
    if isinstance(entries, list) and len(entries) > _MOST:  # to check each would take minutes
        yield ("waivers",), f"more than {_MOST:,} waivers, which is the limit"
        return
    wrong = False
    for error in _validator().iter_errors(content):
        wrong = True
        yield from _explained(error)
    for number, entry in enumerate(() if wrong else content["waivers"] or ()):
        if all(_takes_any(entry[key]) for key in _SELECTING if key in entry):
            yield ("waivers", number), _EVERYTHING
        if max_days is not None and date.fromisoformat(entry["expires"]) - day > timedelta(days=max_days):
            place = ("waivers", number, "expires")
            yield place, f"expires: {entry['expires']} is more than {max_days} days away (--max-waiver-days)"


def _takes_any(value: Any) -> bool:
    """Whether a glob that any text matches stands there."""
    texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return any("*" in text and not text.strip("*?") for text in texts)


def _explained(error: "ValidationError") -> Iterator[Mistake]:
    place = tuple(error.absolute_path)
    rule, wanted, found = error.validator, error.validator_value, error.instance
    keys = [str(each) for each in place[2:] if not isinstance(each, int)]
    of = f"{'.'.join(keys)}: " if keys else ""
    if rule == "additionalProperties":
        known = list(error.schema["properties"])
        for key in (each for each in found if each not in known):
            near = get_close_matches(key, known, 1)
            advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            yield (*place, key), f"no such key: {key[:100]!r}; {advice}"
    elif rule == "required":
        missing = next(key for key in wanted if error.message.startswith(f"{key!r} "))
        if place:
            yield place, f"no {missing}: a waiver needs {', '.join(wanted)}"
        else:
            yield place, "no list called waivers"
    elif rule == "anyOf":
        yield place, _EVERYTHING
    elif rule == "type" and not place:
        yield place, f"it is {_kind(found)}, not a map with a list called waivers"
    elif rule == "type" and keys == ["expires"]:
        yield place, f"expires: it is {_kind(found)}, not a day; write such as 2027-01-31"
    elif rule == "type":
        kinds = [wanted] if isinstance(wanted, str) else wanted
        quotes = "; text goes in quotes" if "string" in kinds and not isinstance(found, dict | list) else ""
        what = " or ".join(_KINDS[kind] for kind in kinds if kind != "null")
        yield place, f"{of}it is {_kind(found)}, not {what}{quotes}"
    elif rule == "format" and wanted == "date":
        yield place, f"{of}{found[:50]!r} is no day; write such as 2027-01-31"
    elif rule == "format":
        yield place, f"{of}it is empty, or holds a character that cannot be shown"
    elif rule == "pattern":
        yield (
            place,
            f"{of}{found[:100]!r} is no rule; write such as tcp 22 from 0.0.0.0/0, as matched_rules has it",
        )
    elif rule in ("maxLength", "maxItems", "maxProperties"):
        yield place, f"{of}longer than {wanted:,}, which is the limit"
    else:
        yield place, f"{of}it is empty"


_KINDS = {"string": "a text", "array": "a list", "object": "a map"}


def _kind(found: Any) -> str:
    if found is None:
        return "null"
    names = {str: "a text", list: "a list", dict: "a map", bool: "a boolean", date: "a date"}
    names |= {datetime: "a date with a time", int: "a number", float: "a number"}
    return names.get(type(found), f"a {type(found).__name__}")


class _Lines:
    """Tells file and line of what is in a file."""

    def __init__(self, content: bytes, where: str) -> None:
        self._where = where
        try:
            self._top: yaml.Node | None = yamlfile.compose(content.decode("utf-8-sig"))
        except yaml.YAMLError:
            self._top = None  # JSON that is indented by tabs is no YAML

    def of(self, place: Sequence[Any]) -> str:
        """The file and line of what is there under such keys and numbers, or of what it is missing from."""
        line = self.number(place)
        if line:
            return f"{self._where}, line {line}"
        number = [f", waiver {each + 1}" for each in place if isinstance(each, int)]
        return self._where + "".join(number[:1])

    def number(self, place: Sequence[Any]) -> int:
        """The number of the line, 0 where it cannot be told."""
        node = self._top
        line = node.start_mark.line + 1 if node else 0
        for part in place:
            if isinstance(node, yaml.MappingNode):
                pair = next((pair for pair in node.value if pair[0].value == part), None)
                if pair is None:
                    break
                line, node = pair[0].start_mark.line + 1, pair[1]
            elif isinstance(node, yaml.SequenceNode):
                node = node.value[part]
                line = node.start_mark.line + 1
        return int(line)
