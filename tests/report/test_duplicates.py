"""Sets of groups with the same rules, whatever the order of the groups."""

from itertools import permutations

import pandas as pd

from reporter.report.duplicates import duplicates

COLUMNS = (
    *("account_profile", "account_id", "region", "vpc_id", "security_group_id", "group_name"),
    *("same_rules_as", "attached_eni_count", "unused"),
)
A, B = ("alpha", "1", "r-1", "vpc-1"), ("beta", "2", "r-1", "vpc-1")
GROUPS = [
    (*A, "sg-3", "c", ("sg-1", "sg-4"), 2, False),
    (*A, "sg-1", "a", ("sg-3", "sg-4"), 0, True),
    (*B, "sg-4", "d", ("sg-1", "sg-3"), None, None),
    (*A, "sg-9", "alone", (), 0, True),
]


def test_groups_stand_by_account_and_id_with_their_interfaces_and_which_could_go() -> None:
    for rows in permutations(GROUPS):
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        frame = frame.astype({"attached_eni_count": "Int64", "unused": "boolean"})
        (found,) = duplicates(frame).to_dict("records")
        assert found == {
            **dict(zip(("account_profile", "account_id", "region", "vpc_id"), A, strict=True)),
            "security_groups": ("sg-1 (a)", "sg-3 (c)", "sg-4 (d)"),
            "interfaces": ("sg-1: 0", "sg-3: 2", "sg-4: unknown"),
            "could_go": ("sg-1",),
        }
