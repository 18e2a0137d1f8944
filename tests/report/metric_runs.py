"""Three runs written by hand, two weeks in all, and the metrics that are right for the last of them.

alpha is read whole. In us-east-1 `accepted`, which is waived, `idle`, `web` and the default group are there from the
first run on; `bastion`, `attached` and `between` came with the second; in the third `between` is gone, `attached` is
on an interface, and `fresh` and `inner` are new. beta is read in part, or not at all; gamma has no groups in one
region, and was not tried in the other.
"""

from pathlib import Path

from click.testing import CliRunner

from reporter.cli import cli
from tests.inventory.test_internet import NETWORK, network
from tests.report.formats.page_runs import on, ssh
from tests.rundir import DENIED, POLICIES, WORLD, group, instance, unit, write

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"
RUNS = ("20250610T060000Z", "20250620T060000Z", "20250625T060000Z")

WAIVERS = """
waivers:
- {policy: sg-ssh-world, group: accepted, reason: jump host, owner: us, expires: 2099-01-31}
"""

Samples = dict[tuple[str, ...], float]

_ALPHA, _BETA, _GAMMA = (
    (name, number * 12) for name, number in (("alpha", "1"), ("beta", "2"), ("gamma", "3"))
)
#: By account, account id, region, risk, proven, reachable, waived.
GROUPS: Samples = {
    (*_ALPHA, US, "critical", "true", "yes", "false"): 2,  # bastion, fresh
    (*_ALPHA, US, "critical", "true", "no", "false"): 2,  # inner, attached
    (*_ALPHA, US, "critical", "true", "yes", "true"): 1,  # accepted
    (*_ALPHA, US, "high", "true", "yes", "false"): 0,
    (*_ALPHA, US, "high", "true", "no", "false"): 1,  # default
    (*_ALPHA, US, "medium", "true", "no", "false"): 1,  # idle
    (*_ALPHA, US, "low", "true", "no", "false"): 0,
    (*_ALPHA, US, "none", "true", "no", "false"): 1,  # web
    (*_ALPHA, EU, "critical", "true", "yes", "false"): 0,
    (*_ALPHA, EU, "high", "true", "yes", "false"): 0,
    (*_ALPHA, EU, "medium", "true", "no", "false"): 0,
    (*_ALPHA, EU, "low", "true", "no", "false"): 1,  # default
    (*_ALPHA, EU, "none", "true", "no", "false"): 0,
    # All groups were listed, and not what they are on.
    (*_BETA, US, "critical", "true", "yes", "false"): 0,
    (*_BETA, US, "critical", "false", "unknown", "false"): 1,  # maybe
    (*_BETA, US, "high", "true", "yes", "false"): 0,
    (*_BETA, US, "medium", "true", "no", "false"): 0,
    (*_BETA, US, "low", "true", "no", "false"): 0,
    (*_BETA, US, "low", "false", "no", "false"): 1,  # inside, which opens nothing to the internet
    (*_BETA, US, "none", "true", "no", "false"): 0,
    # Not all groups were listed: nothing is known of those that no policy found.
    (*_BETA, AP, "critical", "false", "no", "false"): 1,  # part, which opens nothing either
    (*_GAMMA, AP, "critical", "true", "yes", "false"): 0,
    (*_GAMMA, AP, "high", "true", "yes", "false"): 0,
    (*_GAMMA, AP, "medium", "true", "no", "false"): 0,
    (*_GAMMA, AP, "low", "true", "no", "false"): 0,
    (*_GAMMA, AP, "none", "true", "no", "false"): 0,
}
#: By account, account id, region, policy.
FINDINGS: Samples = {
    (*_ALPHA, US, "sg-default"): 1,
    (*_ALPHA, US, "sg-ssh-open"): 6,
    (*_ALPHA, US, "sg-ssh-world"): 6,
    (*_ALPHA, US, "sg-unused"): 1,
    (*_ALPHA, EU, "sg-default"): 1,
    (*_ALPHA, EU, "sg-unused"): 1,
    (*_BETA, US, "sg-ssh-open"): 2,
    (*_BETA, US, "sg-ssh-world"): 1,
    (*_BETA, AP, "sg-ssh-open"): 1,
}
#: By account, account id, region, policy, level, proven, reachable, waived.
FINDINGS_NEW: Samples = {
    (*_ALPHA, US, "sg-ssh-world", "critical", "true", "yes", "false"): 1,  # fresh
    (*_ALPHA, US, "sg-ssh-world", "critical", "true", "no", "false"): 2,  # inner; attached, which was medium
    (*_ALPHA, US, "sg-ssh-open", "informs", "true", "yes", "false"): 1,
    (*_ALPHA, US, "sg-ssh-open", "informs", "true", "no", "false"): 1,
}
#: By account, region, status.
CELLS: Samples = {
    ("alpha", US, "ok"): 10,
    ("alpha", EU, "ok"): 7,
    ("beta", US, "ok"): 4,
    ("beta", US, "denied"): 3,
    ("beta", EU, "ok"): 0,
    ("beta", EU, "denied"): 7,
    ("beta", AP, "ok"): 2,
    ("beta", AP, "denied"): 5,
    ("gamma", AP, "ok"): 7,
    ("gamma", US, "ok"): 0,
    ("gamma", US, "skipped"): 7,
}
BEGAN, BEGAN_BEFORE = 1_750_831_200, 1_750_399_200  # 06:00 UTC on 25 and on 20 June 2025
#: By account and risk.
OLDEST: Samples = {
    ("alpha", "critical"): 1_750_377_600,  # 20 June: bastion. What is waived is older.
    ("alpha", "high"): 1_749_513_600,  # 10 June: default
    ("alpha", "medium"): 1_749_513_600,  # idle
}
EVERYTHING: dict[str, Samples] = {
    "sg_audit_groups": GROUPS,
    "sg_audit_findings": FINDINGS,
    "sg_audit_findings_new": FINDINGS_NEW,
    "sg_audit_cells": CELLS,
    "sg_audit_run_timestamp_seconds": {(): BEGAN},
    "sg_audit_previous_run_timestamp_seconds": {(): BEGAN_BEFORE},
    "sg_audit_oldest_first_seen_timestamp_seconds": OLDEST,
}


def write_runs(folder: Path) -> Path:
    """The folder of the three runs, with a waivers.yml in it."""
    names = ("accepted", "idle", "bastion", "attached", "between", "fresh", "inner")
    made = {name: ssh(f"sg-{number:017x}", name, WORLD) for number, name in enumerate(names)}
    web, default = group("sg-web", "web"), group("sg-default", "default")
    around = {name.replace("-", "_"): network()[name] for name in ("subnets", "route-tables", "network-acls")}
    interfaces = {
        "accepted": on("eni-1", made["accepted"], "10.0.0.1", "203.0.113.1"),
        "bastion": on("eni-2", made["bastion"], "10.0.0.2", "203.0.113.2"),
        "fresh": on("eni-3", made["fresh"], "10.0.0.3", "203.0.113.3"),
        "inner": on("eni-4", made["inner"], "10.0.0.4"),
        "web": on("eni-5", web, "10.0.0.5", "203.0.113.5"),
        "default": on("eni-6", default, "10.0.0.6") | {"Attachment": {"InstanceId": "i-1"}},
    }
    attached = on("eni-7", made["attached"], "10.0.0.7")
    inside, part = (
        ssh(f"sg-{name}", name, "10.0.0.0/8", owner="beta") | {"VpcId": "vpc-2"}
        for name in ("inside", "part")
    )
    maybe = ssh("sg-maybe", "maybe", WORLD, owner="beta") | {"VpcId": "vpc-2"}
    elsewhere = group("sg-elsewhere", "default", vpc="vpc-3")
    for run, there, unused in (
        (RUNS[0], ("accepted", "idle"), ("idle",)),
        (RUNS[1], ("accepted", "idle", "bastion", "attached", "between"), ("idle", "attached", "between")),
        (RUNS[2], ("accepted", "idle", "bastion", "attached", "fresh", "inner"), ("idle",)),
    ):
        alphas = [made[name] for name in there]
        on_them = [each for name, each in interfaces.items() if name in (*there, "web", "default")]
        here = unit(
            [*alphas, web, default],
            on_them if "attached" in unused or run == RUNS[0] else [*on_them, attached],
            [instance("i-1", default)],
            [made[name] for name in unused],
            **around,
        )
        write(
            folder / run,
            {
                ("alpha", US): here,
                ("alpha", EU): unit([elsewhere], unused=[elsewhere]),
                ("beta", US): unit([maybe, inside], DENIED, DENIED, DENIED),
                ("beta", EU): dict.fromkeys(unit(), DENIED),
                ("beta", AP): unit([part], DENIED, DENIED, DENIED, sg_inventory=DENIED, sg_ssh_world=DENIED),
                ("gamma", AP): unit(),
                ("gamma", US): dict.fromkeys(unit(), "skipped"),
            },
            [*POLICIES, *NETWORK],
            f"{run[:4]}-{run[4:6]}-{run[6:8]}T06:00:00+00:00",
        )
    (folder / "waivers.yml").write_text(WAIVERS, encoding="utf-8")
    return folder


def report(run: Path, reports: Path, *words: str | Path) -> list[Path]:
    """The files of the report of a run, in the formats given."""
    done = CliRunner().invoke(
        cli, list(map(str, ("report", "-s", run, "-o", reports, *words))), standalone_mode=False
    )
    assert done.exception is None, (done.output, done.exception)
    return [Path(line) for line in done.stdout.splitlines()]


def of_each_run(folder: Path) -> list[Path]:
    """The metrics of each of the runs, the oldest first."""
    runs = write_runs(folder / "runs")
    return [
        file
        for run in RUNS
        for file in report(
            runs / run, folder / "reports" / run, "-f", "prometheus", "-w", runs / "waivers.yml"
        )
    ]
