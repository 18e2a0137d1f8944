"""Reads what AWS says of an account's roles: the answer to GetAccountAuthorizationDetails, as records of roles and of
managed policies in one list (https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec

import msgspec
from msgspec import Struct, field

from reporter.aws import arns
from reporter.inventory.iam import documents
from reporter.inventory.iam.documents import Statement
from reporter.inventory.iam.words import Power
from reporter.inventory.records import ListOf

_PACKAGES = ("cloudsplaining", "policy_sentry")
_Statements = tuple[Statement, ...] | None
_NO_DOCUMENT = msgspec.Raw(b"null")


@dataclass(frozen=True, slots=True)
class Role:
    """A role that an instance may have, what it may do, and what makes it so."""

    name: str
    arn: str
    power: Power
    why: str


class _Version(Struct, rename="pascal", gc=False):
    version_id: str = ""
    document: msgspec.Raw = _NO_DOCUMENT


class _Inline(Struct, rename="pascal", gc=False):
    policy_document: msgspec.Raw = _NO_DOCUMENT


class _Attached(Struct, rename="pascal", gc=False):
    policy_arn: str = ""


class _Boundary(Struct, rename="pascal", gc=False):
    permissions_boundary_arn: str = ""


class _Profile(Struct, rename="pascal", gc=False):
    arn: str = ""


class _Detail(Struct, rename="pascal", gc=False):
    """A role, which has a `RoleName`, or a managed policy."""

    arn: str = ""
    role_name: str = ""
    instance_profile_list: list[_Profile] = field(default_factory=list)
    role_policy_list: list[_Inline] = field(default_factory=list)
    attached_managed_policies: list[_Attached] = field(default_factory=list)
    permissions_boundary: _Boundary | None = None
    default_version_id: str = ""
    policy_version_list: list[_Version] = field(default_factory=list)

    @property
    def document(self) -> bytes:
        """Of a managed policy, the version that holds."""
        return next(
            (
                bytes(each.document)
                for each in self.policy_version_list
                if each.version_id == self.default_version_id
            ),
            bytes(_NO_DOCUMENT),
        )


_details = ListOf(_Detail)


def can_judge() -> bool:
    """Whether what judging takes is installed."""
    return all(find_spec(package) for package in _PACKAGES)


def read(data: bytes) -> tuple[dict[str, Role], Sequence[str]]:
    """The roles that instances may have, by the ARN of each one's instance profiles, and what is wrong with the records
    that cannot be read. No other role is judged.

    Raises msgspec.DecodeError or UnicodeDecodeError where it is no list of records.
    """
    details, problems = _details.decode_each(data)
    managed = {each.arn: each for each in details if not each.role_name}
    account_id = next((arns.account_id(each.arn) for each in details if each.role_name), "")
    parsed = partial(documents.statements, account_id=account_id)

    @cache  # AWS's own are long, and many roles have the same
    def policy(arn: str) -> _Statements:
        return parsed(managed[arn].document) if arn in managed else None

    judged = _judged if can_judge() else _not_judged
    found: dict[str, Role] = {}
    for detail in details:
        if detail.role_name and detail.instance_profile_list:
            role = Role(detail.role_name, detail.arn, *judged(detail, parsed, policy))
            found |= {profile.arn: role for profile in detail.instance_profile_list if profile.arn}
    return found, problems


def _not_judged(*_: object) -> tuple[Power, str]:
    return Power.UNKNOWN, f"{' or '.join(_PACKAGES)} is not installed here"


def _judged(
    detail: _Detail, parsed: Callable[[bytes], _Statements], policy: Callable[[str], _Statements]
) -> tuple[Power, str]:
    """`parsed` gives the statements of a document, and `policy` those of a managed policy by its ARN."""
    from reporter.inventory.iam.power import judge  # it takes long, and is not installed everywhere

    attached = [each.policy_arn for each in detail.attached_managed_policies]
    read = [
        *((parsed(bytes(each.policy_document)), "an inline policy") for each in detail.role_policy_list),
        *((policy(arn), arn) for arn in attached),
    ]
    policies = tuple(statement for statements, _ in read for statement in statements or ())
    missing = [name for statements, name in read if statements is None]
    boundary = None
    if detail.permissions_boundary:
        arn = detail.permissions_boundary.permissions_boundary_arn
        boundary = policy(arn)
        if boundary is None:
            missing.append(f"its permissions boundary {arn}")
            if judge(policies, None).power is not Power.NONE or len(missing) > 1:
                return Power.UNKNOWN, _not_read(missing)
            return Power.NONE, ""
    found = judge(policies, boundary)
    if missing and found.power is not Power.ADMIN:
        rest = f"; the rest comes to {found.power} {found.by}".rstrip() if policies else ""
        return Power.UNKNOWN, f"{_not_read(missing)}{rest}"
    return found.power, found.by


def _not_read(missing: Iterable[str]) -> str:
    return f"{' and '.join(dict.fromkeys(missing))} could not be read"
