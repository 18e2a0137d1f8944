"""Reports of a small run in the tests' own process: on all of its tabs, or on fewer."""

from pathlib import Path

from click.testing import CliRunner

from reporter.cli import cli
from tests import rundir

GONE = ("rdp_world", "db_world")  # with LESS
LESS = ("-p", ",".join(policy["name"] for policy in rundir.POLICIES))
TABS = {"default_sg", "ssh_open", "ssh_world", "security_groups", "coverage", *GONE}


def write_run(folder: Path) -> Path:
    """A run of one group, with a tab for each of GONE beside the usual ones."""
    more = [
        {
            "name": f"sg-{tab}".replace("_", "-"),
            "resource": "aws.security-group",
            "filtered": True,
            "report": {"tab": tab, "column": tab, "level": "exposed"},
        }
        for tab in GONE
    ]
    app = rundir.group("sg-1", ssh_from=rundir.WORLD)
    unit = rundir.unit([app], sg_rdp_world=[app], sg_db_world=[app])
    return rundir.write(folder, {("alpha", "us-east-1"): unit}, policies=[*rundir.POLICIES, *more])


class Reported:
    """What `sg-audit report` in this process came to: the lines it printed, its messages, and what ended it."""

    def __init__(self, run: Path, *words: str | Path) -> None:
        command = ["report", "-s", str(run), *map(str, words)]
        done = CliRunner().invoke(cli, command, standalone_mode=False)
        self.error = done.exception
        self.lines = done.stdout.splitlines()
        self.said = done.stderr
