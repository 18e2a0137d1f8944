"""sg-default: the name is exactly `default`."""

import pytest

from .engine import matches
from .groups import ANYWHERE, all_traffic, group


def test_default_matches() -> None:
    assert matches("sg-default", group(name="default"))


def test_its_rules_do_not_matter() -> None:
    assert matches("sg-default", group(all_traffic(ANYWHERE), name="default"))


@pytest.mark.parametrize(
    "name", ["Default", "DEFAULT", "my-default", "default-web", " default", "default ", "web"]
)
def test_other_names_do_not_match(name: str) -> None:
    assert not matches("sg-default", group(name=name))


def test_a_description_or_a_tag_does_not_count() -> None:
    assert not matches(
        "sg-default",
        group(name="web") | {"Description": "default", "Tags": [{"Key": "GroupName", "Value": "default"}]},
    )
