"""What counts of several lists of the same things."""

import json
from typing import Any

import pytest

from reporter.custodian.metadata import PlannedPolicy
from reporter.inventory.network.reading import NetworkFound

WHOLE = {"PrefixListId": "pl-1", "c7n:prefix-entries": [{"Cidr": "10.0.0.0/8"}]}
NO_ENTRIES = {"PrefixListId": "pl-1"}


@pytest.mark.parametrize(("newest", "oldest"), [(NO_ENTRIES, WHOLE), (WHOLE, NO_ENTRIES)])
def test_a_list_without_its_entries_hides_none_that_has_them(
    newest: dict[str, Any], oldest: dict[str, Any]
) -> None:
    policy = PlannedPolicy("any", "aws.prefix-list", filtered=False)
    found = NetworkFound()
    assert not found.read(policy, json.dumps([newest]).encode(), 2.0)
    assert not found.read(policy, json.dumps([oldest]).encode(), 1.0)
    (known,) = found.rows(all_pages=True).prefix_lists.values()
    assert (known.entries, known.complete) == (("10.0.0.0/8",), True)
