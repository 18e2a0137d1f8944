"""The regions that botocore knows, and their partitions (aws, aws-cn, aws-us-gov, …).

From the data that botocore makes its endpoints of: botocore/data/partitions.json.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from botocore.loaders import Loader

from reporter.errors import InputError

_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
_AWS = "aws"


@cache
def _partitions() -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = Loader().load_data("partitions")["partitions"]
    return found


@cache
def known() -> frozenset[str]:
    """The names of all regions, of any partition."""
    names = (name for partition in _partitions() for name in partition["regions"])
    return frozenset(name for name in names if is_name(name))


def is_name(text: str) -> bool:
    """Whether a region may be called so, known or not."""
    return bool(_REGION.fullmatch(text))


def partition_of(region: str) -> str:
    """The partition of a region, also of one newer than botocore; aws where nothing tells."""
    for partition in _partitions():
        if region in partition["regions"]:
            return str(partition["id"])
    return next((str(each["id"]) for each in _partitions() if re.match(each["regionRegex"], region)), _AWS)


def home(partition: str) -> str:
    """A region that no account of the partition can be without: it answers for the account as a whole."""
    for each in _partitions():
        if each["id"] == partition:
            return str(each["outputs"]["implicitGlobalRegion"])
    return home(_AWS)


def check(regions: Iterable[str], allowed: Iterable[str], source: str) -> None:
    """Raise InputError, which names the nearest one, where a region is not known and not `allowed`.

    `source` says where the regions stand.
    """
    allowed = frozenset(allowed)
    for region in regions:
        if not is_name(region):
            raise InputError(f"{source}: {region!r} is not a region; write one such as us-east-1, or all")
        if region not in known() and region not in allowed:
            near = difflib.get_close_matches(region, sorted(known()), n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise InputError(
                f"{source}: {region!r} is not a region that is known; {meant}"
                f"if it is newer than this program's botocore: --allow-region {region}"
            )
