"""Groups counted by risk: proven and possible apart, and what of them the internet reaches."""

from typing import Any

import numpy as np
import pandas as pd

from reporter.custodian.resource_types import GROUPS
from reporter.findings.assess import Findings
from reporter.findings.risk import LEVELS
from reporter.inventory.audit import Audit
from reporter.inventory.network.reachability import Reachable
from reporter.output.manifest import Status

POSSIBLE = "_possible"

#: The columns of counts by risk: proven, then possible. That a group has no risk is always proven.
COUNTED = (*LEVELS, *(f"{level}{POSSIBLE}" for level in LEVELS[:-1]))

#: Those of the groups of proven risk that the internet reaches, then those that it may reach. The other levels are of
#: groups on no interface.
REACHED = tuple(
    f"{level}_reachable{possible}" for possible in ("", POSSIBLE) for level in ("critical", "high", "none")
)
_REACHED = {Reachable.YES.value: "_reachable", Reachable.UNKNOWN.value: f"_reachable{POSSIBLE}"}


def levels_and_reached(findings: Findings) -> "tuple[pd.Categorical[Any], pd.Categorical[Any]]":
    """For each group which of COUNTED it is counted in, and which of REACHED, missing where in none of those."""
    risks, reachable = findings.groups["risk"].cat, findings.groups["reachable"]
    kinds = [*risks.categories, *(f"{level}{POSSIBLE}" for level in risks.categories)]
    level = risks.codes.to_numpy(int) + np.where(findings.proven, 0, len(risks.categories))
    reached = np.full(len(level), -1)
    for answer, ending in _REACHED.items():
        in_it = np.array(
            [REACHED.index(name) if (name := kind + ending) in REACHED else -1 for kind in kinds]
        )
        answered = (reachable == answer).to_numpy(bool)
        reached[answered] = in_it[level[answered]]
    in_levels = pd.Categorical.from_codes(level, pd.Index(kinds))
    return in_levels, pd.Categorical.from_codes(reached, pd.Index(REACHED))


def of_all(audit: Audit, findings: Findings) -> dict[str, int | None]:
    """The counts of all groups: COUNTED, REACHED, `groups` and `cells_not_read`.

    Those of groups are None where no list of groups could be read.
    """
    levels, reached = (each.value_counts() for each in levels_and_reached(findings))
    counts: dict[str, int | None] = {name: int(levels.get(name, 0)) for name in COUNTED}
    counts |= {name: int(reached.get(name, 0)) for name in REACHED}
    counts["groups"] = len(findings.groups)
    on_groups = {policy.name for policy in audit.output.policies if policy.resource == GROUPS}
    if not len(findings.groups) and not any(
        cell.status is Status.OK and cell.policy in on_groups for cell in audit.cells
    ):
        counts = dict.fromkeys(counts)
    return counts | {"cells_not_read": len(audit.gaps)}
