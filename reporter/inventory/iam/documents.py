"""Policy documents as statements, in every form that IAM takes them in.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import msgspec

# All resources; also as a name in which every part is any. A Deny has to have `*` itself.
_EVERY_RESOURCE = re.compile(r"(arn:([\w-]+:)?)?[*:]*\*")
# Where all that a condition wants of `iam:PassedToService` is one of its values; `…IfExists` wants less.
_IS_ONE_OF = frozenset({"stringequals", "stringlike", "stringequalsignorecase"})
_PASSED_TO = "iam:passedtoservice"
_VARIABLE = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True)
class Statement:
    """A statement: patterns of actions in small letters, and of resources, of which a variable (`${aws:username}`) is
    any text. With `but_actions` or `but_resources` the patterns name those that it is not about. `passed_to` has
    patterns of the services that its condition lets a role be passed to, in small letters; empty where it says
    nothing of that.
    """

    allows: bool
    actions: tuple[str, ...]
    but_actions: bool
    resources: tuple[str, ...]
    but_resources: bool
    conditional: bool
    passed_to: tuple[str, ...] = ()

    @property
    def everywhere(self) -> bool:
        """Whether it is about every resource."""
        return not self.but_resources and any(map(_EVERY_RESOURCE.fullmatch, self.resources))

    @property
    def subtracts(self) -> bool:
        """Whether it takes its actions away for good: a Deny without a condition, on `*`."""
        star = not self.but_resources and any(set(each) == {"*"} for each in self.resources)
        return not self.allows and not self.conditional and star


def statements(document: bytes, account_id: str = "") -> tuple[Statement, ...] | None:
    """The statements of a document, as JSON or as JSON in a text, percent-encoded or not; None where it is not of
    IAM's form. The id of the account that has it is zeros: policies that many accounts have differ in that alone, and
    no word hangs on it.
    """
    return _statements(document.replace(account_id.encode(), b"0" * 12) if account_id else document)


@lru_cache(maxsize=4_000)
def _statements(document: bytes) -> tuple[Statement, ...] | None:
    try:
        found = msgspec.json.decode(document)
        if isinstance(found, str):
            found = msgspec.json.decode(unquote(found))
        several = _by_small_names(found)["statement"]
        return tuple(_statement(each) for each in (several if isinstance(several, list) else [several]))
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError, RecursionError):
        return None


def _by_small_names(found: dict[str, Any]) -> dict[str, Any]:
    """The elements of a document or a statement. That a `condition` of a Deny is one must not hang on a capital."""
    if not isinstance(found, dict):
        raise ValueError(found)
    return {name.lower(): value for name, value in found.items()}


def _statement(given: dict[str, Any]) -> Statement:
    found = _by_small_names(given)
    actions, but_actions = _either(found, "action")
    resources, but_resources = _either(found, "resource")
    return Statement(
        allows={"Allow": True, "Deny": False}[found["effect"]],
        actions=tuple(each.lower() for each in actions),
        but_actions=but_actions,
        resources=tuple(_VARIABLE.sub("?*", each) for each in resources),
        but_resources=but_resources,
        conditional=bool(found.get("condition")),
        passed_to=_passed_to(found.get("condition")),
    )


def _passed_to(condition: Any) -> tuple[str, ...]:
    """The services of a condition on `iam:PassedToService`; of several, those of the first."""
    for operator, keys in condition.items() if isinstance(condition, dict) else ():
        for key, given in keys.items() if isinstance(keys, dict) else ():
            if operator.lower() in _IS_ONE_OF and key.lower() == _PASSED_TO:
                # A value may be a number or a truth too, of which no service has the name.
                texts = [each if isinstance(each, str) else "" for each in _listed(given)]
                return tuple(_VARIABLE.sub("*", each).lower() for each in texts)
    return ()


def _either(found: dict[str, Any], element: str) -> tuple[list[str], bool]:
    """The patterns of an element by its name in small letters, and whether they are those of its opposite
    (`NotAction`)."""
    is_not = element not in found
    given = found[f"not{element}" if is_not else element]
    patterns = _listed(given)
    if not all(isinstance(each, str) for each in patterns):
        raise ValueError(element)
    return patterns, is_not


def _listed(given: Any) -> list[Any]:
    """What IAM takes in a list or by itself."""
    return given if isinstance(given, list) else [given]
