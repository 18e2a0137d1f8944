"""What a role may do, in a word.

Judged here and not by cloudsplaining, which goes policy by policy, passes boundaries over, takes `*:*` for no `*`,
skips an Allow with a condition and lets a Deny with one take away everything. Its lists are what is taken of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from reporter.inventory.iam import actions
from reporter.inventory.iam.actions import EVERY_ACTION, ActionSet
from reporter.inventory.iam.documents import Statement
from reporter.inventory.iam.patterns import covers, overlap
from reporter.inventory.iam.words import Power

Statements = tuple[Statement, ...]
_BY_ACTIONS = (Power.PRIVILEGE_ESCALATION, Power.DATA_ACCESS)
_TOLD = 3  # of the actions that give a role its word


@dataclass(frozen=True, slots=True)
class Judgement:
    """A word, and what makes it so, in a few more."""

    power: Power
    by: str = ""


@lru_cache(maxsize=4_000)  # the same few roles are in many accounts
def judge(policies: Statements, boundary: Statements | None) -> Judgement:
    """What all policies of a role come to, within its permissions boundary if it has one.

    The worst that they allow: an Allow counts whatever its conditions, and on some resources as on all of them, and
    only a Deny without a condition on `*` subtracts. Where the word hangs on an Allow with a condition, or on some
    resources, `by` says so.
    """
    found = _judge(policies, boundary)
    marks = []
    if found.power in _BY_ACTIONS and _without(_elsewhere, policies, boundary) is not found.power:
        marks.append("on some resources")
    if found.power is not Power.NONE and _without(_conditional, policies, boundary) is not found.power:
        marks.append("with conditions")
    return Judgement(found.power, " ".join(filter(None, (found.by, *marks))))


def _without(
    left_out: Callable[[Statement], bool], policies: Statements, boundary: Statements | None
) -> Power:
    """The word without some of the Allows."""
    kept = [
        None if each is None else tuple(one for one in each if not (one.allows and left_out(one)))
        for each in (policies, boundary)
    ]
    return _judge(kept[0] or (), kept[1]).power


def _elsewhere(statement: Statement) -> bool:
    return not statement.everywhere


def _conditional(statement: Statement) -> bool:
    return statement.conditional


def _judge(policies: Statements, boundary: Statements | None) -> Judgement:
    both = [policies] if boundary is None else [policies, boundary]
    if all(_left(_on_everything(each)) == EVERY_ACTION for each in both):
        return Judgement(Power.ADMIN, "by every action on every resource")
    allowed = _left(policies)
    if boundary is not None:
        allowed = _on_shared_resources(allowed & _left(boundary), policies, boundary)
    ways = [
        method
        for method in (actions.METHODS if boundary is None else actions.METHODS_WITHIN)
        if allowed & method == method and all(_is_open(method, each) for each in both)
    ]
    if ways:
        # One way is told once: longer ones with the same actions add nothing.
        shortest = [way for way in ways if not any(way & other == other != way for other in ways)]
        return Judgement(
            Power.PRIVILEGE_ESCALATION,
            _some([" with ".join(actions.names(way)) for way in shortest], "or", "way"),
        )
    if data := allowed & actions.DATA:
        return Judgement(Power.DATA_ACCESS, _some(list(actions.names(data)), "and", "action"))
    return Judgement(Power.OTHER if allowed or _unlisted(policies, boundary) else Power.NONE)


def _is_open(way: ActionSet, policies: Statements) -> bool:
    """Whether each action of a way is allowed for what the way takes."""
    return all(
        any(_serves(each, one, way) for each in policies if each.allows and _actions(each) & one)
        for one in actions.one_by_one(way & actions.LIMITED)
    )


def _serves(statement: Statement, action: ActionSet, way: ActionSet) -> bool:
    """Whether a statement that allows an action of LIMITED allows it for the way. To which service a role is passed the
    way itself says, so a condition on `iam:PassedToService` is the one whose answer is known.
    """
    if action == actions.PASS_ROLE:
        return not statement.passed_to or _meet(actions.receivers(way), statement.passed_to)
    if statement.everywhere or statement.but_resources:
        return True
    return _meet(actions.of_a_shell(action), statement.resources)


def _meet(some: Sequence[str], others: Sequence[str]) -> bool:
    return any(overlap(one, other) for one in some for other in others)


def _left(policies: Statements) -> ActionSet:
    """What is allowed and not taken away for good."""
    allowed = denied = 0
    for each in policies:
        if each.allows:
            allowed |= _actions(each)
        elif each.subtracts:
            denied |= _actions(each)
    return allowed & ~denied


@lru_cache(maxsize=4_000)
def _actions(statement: Statement) -> ActionSet:
    found = 0
    for pattern in statement.actions:
        found |= actions.named_by(pattern)
    if statement.but_actions:
        found = EVERY_ACTION & ~found
    if statement.but_resources:
        if any(set(each) == {"*"} for each in statement.resources):
            return 0
        return actions.off_resources(found, statement.resources)
    if statement.everywhere:
        return found
    if not statement.resources:
        return 0
    return actions.on_resources(found, statement.resources)


def _on_shared_resources(allowed: ActionSet, policies: Statements, boundary: Statements) -> ActionSet:
    """Of actions that both allow those that they allow for a resource of both, as far as a word hangs on it."""
    gone = 0
    for action in actions.one_by_one(allowed & actions.TELLING):
        own, within = (
            [each for each in one if each.allows and _actions(each) & action] for one in (policies, boundary)
        )
        if not any(_share_resources(one, other) for one in own for other in within):
            gone |= action
    return allowed & ~gone


def _share_resources(one: Statement, other: Statement) -> bool:
    if one.but_resources or other.but_resources or one.everywhere or other.everywhere:
        return True
    return _meet(one.resources, other.resources)


def _on_everything(policies: Statements) -> Statements:
    return tuple(each for each in policies if not each.allows or each.everywhere)


def _unlisted(policies: Statements, boundary: Statements | None) -> bool:
    """Whether something is allowed that policy_sentry does not list, such as a new service."""
    both = (*policies, *(boundary or ()))
    taken = [each for each in both if each.subtracts]
    within = None if boundary is None else [each for each in boundary if each.allows]
    return any(
        not actions.named_by(pattern)
        and not any(_is_all_of(each, pattern) for each in taken)
        and (within is None or any(_is_about(each, pattern) for each in within))
        for each in policies
        if each.allows and not each.but_actions
        for pattern in each.actions
    )


def _is_about(statement: Statement, pattern: str) -> bool:
    if statement.but_actions:
        return not any(covers(each, pattern) for each in statement.actions)
    return any(overlap(each, pattern) for each in statement.actions)


def _is_all_of(statement: Statement, pattern: str) -> bool:
    if statement.but_actions:
        return not any(overlap(each, pattern) for each in statement.actions)
    return any(covers(each, pattern) for each in statement.actions)


def _some(texts: Sequence[str], joined_by: str, kind: str) -> str:
    """The first of them, and how many more."""
    more = len(texts) - _TOLD
    told = [*texts[:_TOLD], *([f"{more:,} more {kind}{'s' if more > 1 else ''}"] if more > 0 else [])]
    return "by " + f" {joined_by} ".join(told)
