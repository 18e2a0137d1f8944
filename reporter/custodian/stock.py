"""What a stock `c7n-org run -s DIR` leaves: <account>/<region>/<policy>/, and no word on what is missing."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from reporter.manifest import UNKNOWN_REGION, Cell, PlannedAccount, PlannedPolicy, Status

METADATA, RESOURCES, LOG = "metadata.json", "resources.json", "custodian-run.log"

# The last line of the traceback that Custodian logs, and AWS's code in it.
_EXCEPTION = re.compile(r"^(?:\w+\.)*(\w+): (.+)$", re.MULTILINE)
_AWS_CODE = re.compile(r"An error occurred \((\w+)\)")
_DENIED = re.compile(r"Denied|Unauthorized|AuthFailure|NotAuthorized|OptInRequired")


@dataclass(frozen=True)
class StockRun:
    """The policies in the order they ran, the accounts, and every cell that is there or was expected."""

    started: str
    policies: tuple[PlannedPolicy, ...]
    accounts: tuple[PlannedAccount, ...]
    cells: tuple[Cell, ...]
    files: Mapping[tuple[str, str, str], Path]


class _Policy(msgspec.Struct):
    name: str
    resource: str = ""
    description: str = ""
    filters: list[Any] | None = None
    query: list[Any] | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)


class _Execution(msgspec.Struct):
    start: float = 0.0
    duration: float = 0.0


class _Config(msgspec.Struct):
    region: str = ""
    account_id: str | None = None


class Metadata(msgspec.Struct):
    """What the report needs of Custodian's metadata.json."""

    policy: _Policy
    execution: _Execution = msgspec.field(default_factory=_Execution)
    config: _Config = msgspec.field(default_factory=_Config)


_decoder = msgspec.json.Decoder(Metadata)


def find(where: Path, expected: Sequence[PlannedAccount] = ()) -> StockRun | None:
    """Find the cells below a folder, None where there are none.

    A policy's folder with metadata.json and no resources.json failed. A policy that ran elsewhere and has no
    folder in some account and region was not run there; neither was an expected account or region without
    any folder.
    """
    policies: dict[str, tuple[float, PlannedPolicy]] = {}
    cells: dict[tuple[str, str, str], Cell] = {}
    for path in sorted(where.glob(f"*/*/*/{METADATA}")):
        try:
            metadata = _decoder.decode(path.read_bytes())
        except (OSError, msgspec.DecodeError):
            continue  # a foreign file, or one that tells nothing; the cell shows as not there
        cell = _cell(path.parent, metadata)
        cells[cell.key] = cell
        start, planned = metadata.execution.start, planned_policy(metadata)
        if cell.policy not in policies or start < policies[cell.policy][0]:
            policies[cell.policy] = (start, planned)
    if not cells:
        return None
    in_order = [policy for _, policy in sorted(policies.values(), key=lambda each: each[0])]
    accounts = _accounts(cells.values(), expected)
    everything = list(_with_gaps(cells, accounts, in_order))
    started = min(start for start, _ in policies.values())
    return StockRun(
        started=datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        policies=tuple(in_order),
        accounts=tuple(accounts),
        cells=tuple(everything),
        files={cell.key: where.joinpath(*cell.key, RESOURCES) for cell in everything},
    )


def planned_policy(metadata: Metadata) -> PlannedPolicy:
    """The policy as metadata.json has it."""
    policy = metadata.policy
    report = policy.metadata.get("report")
    return PlannedPolicy(
        name=policy.name,
        resource=policy.resource if "." in policy.resource else f"aws.{policy.resource}",
        filtered=bool(policy.filters or policy.query),
        description=" ".join(policy.description.split()),
        report={key: str(value) for key, value in report.items()} if isinstance(report, dict) else {},
    )


def _cell(folder: Path, metadata: Metadata) -> Cell:
    account, region, policy = folder.parts[-3:]
    cell = Cell(
        account=account,
        account_id=metadata.config.account_id or "",
        region=region,
        policy=policy,
        status=Status.OK,
        seconds=round(metadata.execution.duration, 3),
    )
    if (folder / RESOURCES).exists():
        return cell
    code, message = _reason(folder / LOG)
    status = Status.DENIED if _DENIED.search(code) else Status.FAILED
    return replace(cell, status=status, code=code, message=message)


def _reason(log: Path) -> tuple[str, str]:
    """What Custodian logged when the policy failed."""
    try:
        found = _EXCEPTION.findall(log.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        found = []
    if not found:
        return "NotWritten", f"the policy failed: there is {METADATA}, but no {RESOURCES}"
    name, message = found[-1]
    code = _AWS_CODE.search(message)
    return (code[1] if code else name), message


def _accounts(cells: Iterable[Cell], expected: Sequence[PlannedAccount]) -> list[PlannedAccount]:
    """The expected accounts, then those that are there without being expected."""
    accounts = {account.name: account for account in expected}
    for cell in cells:
        accounts.setdefault(cell.account, PlannedAccount(cell.account, cell.account_id, ()))
    return list(accounts.values())


def _with_gaps(
    cells: Mapping[tuple[str, str, str], Cell],
    accounts: Iterable[PlannedAccount],
    policies: Sequence[PlannedPolicy],
) -> Iterable[Cell]:
    seen: dict[str, dict[str, None]] = {}
    for name, region, _ in cells:
        seen.setdefault(name, {})[region] = None
    for account in accounts:
        regions = {**seen.get(account.name, {}), **dict.fromkeys(account.regions)}
        for region in regions or {UNKNOWN_REGION: None}:
            for policy in policies:
                key = (account.name, region, policy.name)
                yield cells.get(key) or Cell(
                    account.name,
                    account.account_id,
                    region,
                    policy.name,
                    code="NotThere",
                    message="no folder in the output: it was not looked at",
                )
