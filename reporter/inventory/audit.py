"""An audit: what an output directory says of its groups, and what could not be looked at."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import pandas as pd

from reporter import garbage_collection
from reporter.custodian import resource_types
from reporter.custodian.resource_types import GROUPS, INVENTORY_TABS, Field
from reporter.inventory import two_processes
from reporter.inventory.across_accounts import agreed
from reporter.inventory.columns import Value
from reporter.inventory.join import Inventory, join
from reporter.inventory.rows import UnitRows
from reporter.inventory.rule_facts import Deduplicator, RuleReader
from reporter.inventory.unit import ExtraColumns, read_unit
from reporter.output.manifest import Cell
from reporter.output.reading import Output
from reporter.output.store import side_by_side

Progress = Callable[[int, int], None]
Row = tuple[str, str, str, Mapping[str, Value]]


@dataclass(frozen=True)
class Audit:
    """What an output directory says beside the groups, with every cell as it turned out when it was read.

    `attachments` has ATTACHMENT_COLUMNS; `sheets` has, by policy, the resources that get a table of their
    own: account, its id, region, and the rest of the cells by column.
    """

    output: Output
    cells: tuple[Cell, ...]
    attachments: pd.DataFrame = field(repr=False)
    sheets: Mapping[str, Sequence[Row]] = field(default_factory=dict)

    @property
    def gaps(self) -> tuple[Cell, ...]:
        """The cells that were planned and not read."""
        return tuple(cell for cell in self.cells if cell.is_gap)


def silent(done: int, of: int) -> None:
    """Tells nobody."""


_NOTHING_MORE = ExtraColumns()


def read_audit(
    output: Output, more: Sequence[Field] = (), progress: Progress = silent
) -> tuple[Audit, Inventory]:
    """Read and join all that an output directory holds; `progress` hears how many units are read, of how many.

    The inventory comes beside the audit, so that it can be let go of once it is assessed: it is as large as all else.

    `more` are columns beyond the report's own. Raises InputError where a policy's `metadata.report` cannot be
    followed, or a column's name is taken.
    """
    extra = ExtraColumns(_sheets(output), tuple(more), output.all_pages)
    with garbage_collection.paused():
        units = read_units(output, extra, progress)
        inventory = join(units, output.policies, more)
    audit = Audit(
        output,
        tuple(cell for unit in units for cell in unit.cells),
        inventory.attachments,
        _rows(output, extra.sheets, units),
    )
    return audit, inventory


def read_units(
    output: Output, extra: ExtraColumns = _NOTHING_MORE, progress: Progress = silent
) -> list[UnitRows]:
    """What an output directory says of each account and region: accounts in their order, regions by name."""
    order = {account.name: number for number, account in enumerate(output.accounts)}
    units_of = sorted(output.units(), key=lambda cells: (order.get(cells[0].account, -1), cells[0].region))
    kept = Deduplicator()
    read = partial(read_unit, output=output, extra=extra, deduplicated=kept, rules=RuleReader(kept))
    units = []
    if output.store.threads == 1 and two_processes.are_worth_it(len(units_of)):
        found = two_processes.in_two(read, units_of, lambda cells: cells[0].account)
    else:
        found = side_by_side(output.store, read, units_of)
    for unit in found:
        units.append(unit)
        progress(len(units), len(units_of))
    return agreed(units)


def _rows(output: Output, policies: Iterable[str], units: Sequence[UnitRows]) -> dict[str, list[Row]]:
    """The rows of each sheet. Where a policy finds the same in every region, an account's newest answer is all."""
    types = {policy.name: policy.resource for policy in output.policies}
    rows: dict[str, list[Row]] = {}
    for name in policies:
        answers = [unit for unit in units if name in unit.sheets]
        if resource_types.is_global(types[name]):
            newest: dict[str, UnitRows] = {}
            for unit in sorted(answers, key=lambda unit: unit.started(name)):
                newest[unit.account_id or unit.account] = unit
            chosen = {id(unit) for unit in newest.values()}
            answers = [unit for unit in answers if id(unit) in chosen]
        rows[name] = [
            (unit.account, unit.account_id, unit.region, row) for unit in answers for row in unit.sheets[name]
        ]
    return rows


def _sheets(output: Output) -> dict[str, tuple[Field, ...] | None]:
    """The policies with a table of their own resources. Groups have tables of groups, and of what is on them."""
    resources = {
        policy.name: policy.resource
        for policy in output.policies
        if policy.resource != GROUPS
        and not (output.has_groups and policy.in_report.tab == INVENTORY_TABS.get(policy.resource))
    }
    declared = {resource: resource_types.declared(resource) for resource in dict.fromkeys(resources.values())}
    return {name: declared[resource] for name, resource in resources.items()}
