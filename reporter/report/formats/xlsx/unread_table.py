"""What could not be read, as a person reads it: a row an account and reason, and not one a cell."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from reporter.report.overview import Overview
from reporter.report.table import Kind, Table

_COLUMNS = (
    "account_profile",
    "account_id",
    "regions",
    "policies",
    "cells",
    "status",
    "code",
    "message",
    "what_to_do",
)
_OF_CELLS = frozenset({*_COLUMNS, "region", "policy"})


def in_place_of_cells(tables: Sequence[Table], overview: Overview) -> list[Table]:
    """The tables, that of the cells that were not read put together."""
    return [
        replace(table, frame=_frame(table.frame, overview)) if table.kind is Kind.COVERAGE else table
        for table in tables
    ]


def _frame(cells: pd.DataFrame, overview: Overview) -> pd.DataFrame:
    """A row an entry; what else the cells have, such as an account's tags, is the account's."""
    rows = [
        (
            gap.account,
            gap.account_id,
            gap.regions,
            gap.policies if len(gap.policies) < overview.policies else (f"all {overview.policies:,}",),
            gap.cells,
            gap.status.value,
            gap.code,
            gap.message,
            gap.what_to_do,
        )
        for gap in overview.gaps
    ]
    frame = pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"cells": "int64"})
    further = [name for name in cells.columns if name not in _OF_CELLS]
    of_accounts = cells.drop_duplicates("account_profile").set_index("account_profile")[further]
    return frame.join(of_accounts, on="account_profile")
