"""Custodian's filters on office hours know the time zones that they know by themselves, though these are read late."""

import json
import subprocess
import sys

AS_IT_IS = (
    "import json; from c7n.filters.offhours import Time\nprint(json.dumps([Time.TZ_ALIASES, Time.z_names]))"
)

LATE = """
import json, sys
from reporter import custodian_without_time_zones
custodian_without_time_zones.load()
custodian_without_time_zones.load()
from dateutil import zoneinfo
assert not hasattr(zoneinfo.get_zonefile_instance, "_cached_instance")
from c7n.filters.offhours import Time
import c7n.tags
assert Time.z_names == []
assert Time.get_tz("pt").tzname(None) is None and Time.get_tz("nowhere") is None
assert Time.get_tz("us/eastern") == Time.get_tz("et")
assert "utc" in Time.TZ_ALIASES and len(Time.z_names) > 400
assert zoneinfo.get_zonefile_instance().get("Europe/Berlin") is not None
print(json.dumps([dict(Time.TZ_ALIASES), Time.z_names]))
"""

PLAIN_FIRST = """
from c7n.filters.offhours import Time
from reporter import custodian_without_time_zones
custodian_without_time_zones.load()
assert type(Time.TZ_ALIASES) is dict
"""


def test_office_hours_know_all_time_zones() -> None:
    plain, late = (python(code) for code in (AS_IT_IS, LATE))
    assert json.loads(late) == json.loads(plain)


def test_what_is_loaded_is_left_alone() -> None:
    python(PLAIN_FIRST)


def python(code: str) -> str:
    """What code prints in a process that has loaded nothing."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return done.stdout
