"""An audit: what an output directory says of its groups, and what could not be looked at."""

from dataclasses import dataclass

from reporter.custodian.output import Output
from reporter.inventory.join import Inventory, join
from reporter.inventory.unit import read_unit
from reporter.manifest import Cell, Status


@dataclass(frozen=True)
class Audit:
    """The joined inventory, with every cell as it turned out when it was read."""

    output: Output
    cells: tuple[Cell, ...]
    inventory: Inventory

    @property
    def gaps(self) -> tuple[Cell, ...]:
        """The cells that were planned and not read."""
        return tuple(cell for cell in self.cells if cell.status is not Status.OK)


def read_audit(output: Output) -> Audit:
    """Read and join all that an output directory holds.

    Raises InputError where a policy's `metadata.report` cannot be followed.
    """
    policies = {policy.name: policy for policy in output.policies}
    order = {account.name: number for number, account in enumerate(output.accounts)}
    cells_of = sorted(output.units(), key=lambda cells: (order.get(cells[0].account, -1), cells[0].region))
    units = [read_unit(output, cells, policies) for cells in cells_of]
    return Audit(
        output=output,
        cells=tuple(cell for unit in units for cell in unit.cells),
        inventory=join(units, output.policies),
    )
