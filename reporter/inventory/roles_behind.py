"""What stands behind a group: the roles of the instances that carry it, and whether one answers without a token."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from reporter.aws import arns
from reporter.custodian.metadata import ACCESS_FINDINGS, ROLE_COLUMNS, PlannedPolicy
from reporter.custodian.resource_types import IAM_AUTHORIZATION
from reporter.errors import install
from reporter.inventory.access_findings import AccessFindings
from reporter.inventory.iam import roles
from reporter.inventory.iam.roles import Role
from reporter.inventory.iam.words import Power, rank
from reporter.inventory.links import Link
from reporter.inventory.rows import InstanceRow, UnitRows

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Behind:
    """The names of the roles, sorted, with `unknown` at the end where not all are known, and their ARNs; what the most
    powerful of them may do, empty where there is no instance; of each role that may do something, and of what is not
    known, why. `imdsv1` says that an instance answers without a token, None where that is not known. `unknown_in` has
    the ids of the accounts of roles that are not known, empty where that is not known either."""

    instance_roles: tuple[str, ...] = ()
    role_arns: tuple[str, ...] = ()
    role_power: str = ""
    role_power_why: tuple[str, ...] = ()
    imdsv1: bool | None = False
    unknown_in: tuple[str, ...] = ()


#: Behind a group that is on no instance.
NO_INSTANCE = Behind()
_NOT_EVERY_INTERFACE = Behind(
    (UNKNOWN,), (), Power.UNKNOWN.value, ("not every interface was read",), imdsv1=None, unknown_in=("",)
)
_COLUMN_TYPES = {"role_power": "str", "imdsv1": "boolean"}


def is_asked(policies: Iterable[PlannedPolicy]) -> bool:
    """Whether a run was to read roles, whatever came of it."""
    return any(policy.resource == IAM_AUTHORIZATION for policy in policies)


def note(policies: Iterable[PlannedPolicy]) -> str:
    """What is to be installed, where roles were read and cannot be judged here; empty otherwise."""
    if not is_asked(policies) or roles.can_judge():
        return ""
    return f"role_power is unknown: what judges roles is not installed here; {install('iam')}"


def teller(units: Sequence[UnitRows], instances: Mapping[str, InstanceRow]) -> Callable[[Link], Behind]:
    """Tells of a link what stands behind its interface."""
    by_profile: dict[str, Role] = {}
    for unit in units:
        for arn, role in (unit.roles or {}).items():
            # An account may be in a run under two names: where its answers differ, the worse is told.
            if arn not in by_profile or rank(role.power) < rank(by_profile[arn].power):
                by_profile[arn] = role
    read = frozenset(unit.account_id for unit in units if unit.roles is not None)
    told: dict[str, Behind] = {}

    def of_link(link: Link) -> Behind:
        if not link.instance_id:
            return NO_INSTANCE
        if link.instance_id not in told:
            instance = instances.get(link.instance_id)
            told[link.instance_id] = (
                _of_instance(instance, by_profile, read) if instance else _unread(link.instance_id)
            )
        return told[link.instance_id]

    return of_link


def of_group(found: Iterable[Behind], interfaces_known: bool) -> Behind:
    """What all that is behind a group's interfaces comes to; less is known where not all of them were read."""
    each = [one for one in dict.fromkeys(found) if one is not NO_INSTANCE]
    if not interfaces_known:
        each.append(_NOT_EVERY_INTERFACE)
    if not each:
        return NO_INSTANCE
    names = {name for one in each for name in one.instance_roles}
    flags = {one.imdsv1 for one in each}
    by_power = sorted(each, key=lambda one: rank(one.role_power))
    return Behind(
        instance_roles=(*sorted(names - {UNKNOWN}), *sorted(names & {UNKNOWN})),
        role_arns=tuple(sorted({arn for one in each for arn in one.role_arns})),
        role_power=by_power[0].role_power,
        role_power_why=tuple(dict.fromkeys(why for one in by_power for why in one.role_power_why)),
        imdsv1=True if True in flags else None if None in flags else False,
        unknown_in=tuple(sorted({account for one in each for account in one.unknown_in})),
    )


def columns(behind: Iterable[Behind], access: AccessFindings | None) -> "dict[str, pd.Series[Any]]":
    """The columns of tables of groups and of attachments; `access` is what Access Analyzer says, where it was asked."""
    rows = list(behind)
    found = {
        name: pd.Series([getattr(each, name) for each in rows], dtype=_COLUMN_TYPES.get(name, "object"))
        for name in ROLE_COLUMNS
    }
    if access:
        text = cache(access.text)
        told = [text(each.role_arns, each.unknown_in) for each in rows]
        found[ACCESS_FINDINGS] = pd.Series(told, dtype="str")
    return found


def _unread(instance_id: str) -> Behind:
    return Behind((UNKNOWN,), (), Power.UNKNOWN.value, (f"{instance_id} was not read",), None, ("",))


def _of_instance(instance: InstanceRow, by_profile: Mapping[str, Role], read: frozenset[str]) -> Behind:
    if instance.profile_arn is None:
        return Behind((), (), Power.NONE.value, (), instance.imdsv1)
    if not instance.profile_arn:
        why = f"the instance profile of {instance.instance_id} is not named"
        return Behind((UNKNOWN,), (), Power.UNKNOWN.value, (why,), instance.imdsv1, ("",))
    role = by_profile.get(instance.profile_arn)
    if role is None:
        account = arns.account_id(instance.profile_arn)
        reason = (
            "is of no role that was read"
            if account in read
            else f"the roles of {account or 'its account'} were not read"
        )
        name = arns.resource(instance.profile_arn) or instance.profile_arn
        separator = " " if account in read else ": "
        why = f"{name}{separator}{reason}"
        return Behind((UNKNOWN,), (), Power.UNKNOWN.value, (why,), instance.imdsv1, (account,))
    between = ":" if role.power is Power.UNKNOWN else ""
    why = f"{role.name}: {role.power}{between} {role.why}".rstrip()
    return Behind((role.name,), (role.arn,), role.power.value, (why,), instance.imdsv1)
