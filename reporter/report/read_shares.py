"""How much of what was planned was read, by account, by region, or cell by cell."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import ABOUT_ROLES
from reporter.output.manifest import Cell, Status

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True)
class Read:
    """How much of what was planned was read: wholly, and in part."""

    planned: int
    read: int
    in_part: int = 0

    @property
    def share(self) -> float:
        """The share that was read wholly, from 0 to 1."""
        return self.read / self.planned if self.planned else 1.0


def asked_about_roles(policies: Iterable[PlannedPolicy]) -> frozenset[str]:
    """The names under which roles are asked about, where an option wants it: no group is found and judged by them."""
    return frozenset(policy.name for policy in policies if policy.resource in ABOUT_ROLES)


def read_of(cells: Iterable[Cell], key: Callable[[Cell], Hashable]) -> Read:
    """How many of the things of which a key tells whose a cell is were read."""
    planned, read = _counted(cells, key)
    whole = sum(read[each] == number for each, number in planned.items())
    some = sum(0 < read[each] < number for each, number in planned.items())
    return Read(len(planned), whole, some)


def regions_read(cells: Iterable[Cell]) -> Read:
    """How many regions of accounts were read."""
    return read_of(cells, _unit)


def regions_by_account(cells: Iterable[Cell]) -> dict[str, Read]:
    """How many regions of each account were read."""
    planned, read = _counted(cells, _unit)
    regions = Counter(account for account, _ in planned)
    whole = Counter(each[0] for each, number in planned.items() if read[each] == number)
    return {account: Read(number, whole[account]) for account, number in regions.items()}


def _counted(cells: Iterable[Cell], key: Callable[[Cell], _Key]) -> "tuple[Counter[_Key], Counter[_Key]]":
    """How many cells were planned, and read, by a key."""
    planned: Counter[_Key] = Counter()
    read: Counter[_Key] = Counter()
    for cell in cells:
        if not cell.is_left_out:
            planned[key(cell)] += 1
            read[key(cell)] += cell.status is Status.OK
    return planned, read


def _unit(cell: Cell) -> tuple[str, str]:
    return cell.account, cell.region
