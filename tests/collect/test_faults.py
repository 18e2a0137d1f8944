"""The command line against an AWS that misbehaves: what is read all the same, and what is said of the rest."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from reporter.sandbox import Sandbox, environment, estate, faults
from reporter.sandbox.faults import Fault, What
from tests.programs import SG_AUDIT, Running, Warm

ROOT = Path(__file__).parent.parent.parent
DEV, STAGING, PRODUCTION, SEALED, HIDDEN = (digit * 12 for digit in "12346")
US, EU, AP = estate.REGIONS
POLICIES = (
    "sg-inventory", "eni-inventory", "ec2-inventory",
    "subnet-inventory", "route-table-inventory", "network-acl-inventory", "prefix-list-inventory",
    "sg-rdp-world", "sg-database-world", "sg-admin-world", "sg-all-traffic-world", "sg-web-world",
    "sg-listed-world", "sg-other-world", "sg-default-rules",
    "sg-default", "sg-ssh-open", "sg-ssh-world", "sg-unused",
)  # fmt: skip
RISKS = ("critical", "high", "medium", "low", "none")

# One worker takes one region after another, in the order of the accounts file.
ONE_WORKER = {"C7N_ORG_PARALLEL": "1"}
# Where a call fails each time, to try it often only takes time.
FEW_ATTEMPTS = {"AWS_MAX_ATTEMPTS": "2"}
LONG = 180  # seconds: a call is held up until its caller is no more

_OUTPUT = ("-s", "output", "-f", "xlsx", "-f", "csv")

Key = tuple[str, str, str]
SgAudit = Callable[..., "subprocess.CompletedProcess[str]"]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Audited:
    """What an audit left behind: exit code, stderr, run.json, and the workbook with its facts on the whole. The
    coverage and the counts by account are those of the CSV files, which have a row a cell and every column."""

    code: int
    errors: str
    run: Mapping[str, Any]
    sheets: Mapping[str, Sequence[Row]]
    facts: str

    def groups(self) -> dict[str, Row]:
        return {row["security_group_id"]: row for row in self.sheets["security_groups"]}

    def group(self, name: str, region: str) -> Row:
        (row,) = (
            row for row in self.groups().values() if (row["group_name"], row["region"]) == (name, region)
        )
        return row

    def coverage(self) -> dict[Key, Row]:
        rows = self.sheets["coverage"]
        return {(row["account_profile"], row["region"], row["policy"]): row for row in rows}


class Commands:
    """Runs the command line on the sandbox, in a folder of its own."""

    def __init__(
        self, endpoint: str, folder: Path, sg_audit: SgAudit, warm: Warm, accounts: str = ""
    ) -> None:
        self.endpoint = endpoint
        self._sg_audit = sg_audit
        self._warm = warm
        self.folder = folder
        (folder / "accounts.yml").write_text(estate.accounts_file() + accounts, encoding="utf-8")

    def audit(self, *options: str, **variables: str) -> Audited:
        return self.audited(*self.finish("audit", *self.input, *_OUTPUT, *options, **variables))

    def report(self) -> Audited:
        return self.audited(*self.finish("report", *_OUTPUT))

    def finish(self, *words: str, **variables: str) -> tuple[int, str, str]:
        env = {"AWS_ENDPOINT_URL": self.endpoint, "HOME": str(self.folder)} | variables
        done = self._sg_audit(*words, env=env, cwd=self.folder)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    @contextmanager
    def started(self, *words: str, **variables: str) -> Iterator[Running]:
        """It leads a process group, as in a terminal."""
        env = environment(self.endpoint, self.folder) | variables
        with self._warm.started(
            SG_AUDIT, ["sg-audit", *words], env, self.folder, new_session=True
        ) as process:
            try:
                yield process
            finally:
                _kill_group(process.pid)

    @contextmanager
    def started_cold(self, *words: str) -> Iterator["subprocess.Popen[str]"]:
        """The same, from Python's start on."""
        process = subprocess.Popen(
            [sys.executable, "-m", "reporter", *words],
            env=environment(self.endpoint, self.folder) | {"PYTHONPATH": str(ROOT)},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        with process:
            try:
                yield process
            finally:
                _kill_group(process.pid)

    @property
    def input(self) -> tuple[str, ...]:
        return "-c", "accounts.yml", "-u", str(ROOT / "policies")

    @property
    def run_json(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / "output" / "latest" / "run.json").read_bytes())
        return content

    def audited(self, code: int, output: str, errors: str) -> Audited:
        assert output, errors
        workbook, *tables = [self.folder / line for line in output.splitlines()]
        book = openpyxl.load_workbook(workbook, read_only=True)
        sheets = {}
        for sheet in book:
            head, *rows = sheet.iter_rows(values_only=True)
            sheets[sheet.title] = [dict(zip(map(str, head), row, strict=True)) for row in rows if any(row)]
        for row in sheets["security_groups"]:
            row.pop("attachment_rows", None)  # where they are on another tab
        for name in ("coverage", "summary_accounts"):
            (path,) = (path for path in tables if path.stem.endswith(f"_{name}"))
            with path.open(encoding="utf-8", newline="") as lines:
                sheets[name] = list(csv.DictReader(lines))
        return Audited(code, errors, self.run_json, sheets, book.properties.description or "")


def _kill_group(pid: int) -> None:
    """A run and its workers, which may be held up."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def endpoint(sandbox: Sandbox) -> str:
    return sandbox.endpoint


@contextmanager
def armed(endpoint: str, *given: Fault) -> Iterator[None]:
    faults.arm(endpoint, given)
    try:
        yield
    finally:
        faults.arm(endpoint, ())


@pytest.fixture
def commands(endpoint: str, tmp_path: Path, sg_audit: SgAudit, warm: Warm) -> Iterator[Commands]:
    with armed(endpoint):
        yield Commands(endpoint, tmp_path, sg_audit, warm)


@pytest.fixture(scope="module")
def whole(
    endpoint: str, estate_run: Path, tmp_path_factory: pytest.TempPathFactory, sg_audit: SgAudit, warm: Warm
) -> Audited:
    """The estate without a fault."""
    commands = Commands(endpoint, tmp_path_factory.mktemp("whole"), sg_audit, warm)
    (commands.folder / "output").symlink_to(estate_run.parent)
    result = commands.report()
    assert (result.code, result.coverage()) == (0, {})
    return result


def unread(run: Mapping[str, Any]) -> dict[Key, str]:
    """Each cell of a run that is not ok, and its status."""
    return {key: status for key, status in statuses(run).items() if status != "ok"}


def statuses(run: Mapping[str, Any]) -> dict[Key, str]:
    return {(cell["account"], cell["region"], cell["policy"]): cell["status"] for cell in run["cells"]}


def every(account: str, region: str, status: str) -> dict[Key, str]:
    return {(account, region, policy): status for policy in POLICIES}


def differing(result: Audited, whole: Audited) -> dict[tuple[str, str], set[str]]:
    """The columns that are not as in the fault-free report, by account and region: all where a row is gone.

    Of the accounts and regions that were planned; without the columns that only a report with an accounts file
    has.
    """
    found: dict[tuple[str, str], set[str]] = {}
    groups = result.groups()
    planned = {(cell["account"], cell["region"]) for cell in result.run["cells"]}
    for group_id, row in whole.groups().items():
        if (row["account_profile"], row["region"]) in planned:
            now = groups.pop(group_id, {})
            different = {column for column, value in row.items() if now.get(column, "gone") != value}
            different = {column for column in different if not column.startswith("account:") or not now}
            if different:
                found.setdefault((row["account_profile"], row["region"]), set()).update(different)
    assert not groups
    return found


def wait_for(happened: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# -- refusals: one run that meets many of them, so that each is seen to leave the others' cells alone


# Beside the estate's accounts: one whose role is refused, a profile that nobody has, and one whose regions
# cannot be found out.
REFUSED_ACCOUNTS = f"""
- {{name: sealed, account_id: '{SEALED}', role: 'arn:aws:iam::{SEALED}:role/sg-audit', regions: [{US}]}}
- {{name: ghost, account_id: '555555555555', profile: no-such-profile, regions: [{US}]}}
- {{name: hidden, account_id: '{HIDDEN}', role: 'arn:aws:iam::{HIDDEN}:role/sg-audit', regions: [all]}}
"""
REFUSALS = (
    Fault(What.DENY, account=SEALED, action="AssumeRole"),
    Fault(What.DENY, account=HIDDEN, action="DescribeRegions"),
    Fault(What.DENY, account=DEV, region=EU, service="lambda", action="ListFunctions"),
    Fault(What.DENY, account=DEV, region=US, action="DescribeNetworkInterfaces"),
    Fault(What.DENY, account=PRODUCTION, region=US, action="DescribeInstances", code="AccessDenied"),
    Fault(What.DENY, account=PRODUCTION, region=EU, service="ec2", code="AuthFailure"),
    Fault(What.DENY, account=PRODUCTION, region=AP, service="ec2", code="OptInRequired"),
)


@pytest.fixture(scope="module")
def refused(
    endpoint: str, tmp_path_factory: pytest.TempPathFactory, sg_audit: SgAudit, warm: Warm
) -> Audited:
    commands = Commands(endpoint, tmp_path_factory.mktemp("refused"), sg_audit, warm, REFUSED_ACCOUNTS)
    with armed(endpoint, *REFUSALS):
        result = commands.audit()
        assert all(faults.strikes(endpoint))
    return result


def test_refusals_cost_their_own_cells_and_the_exit_code_says_so(refused: Audited) -> None:
    assert refused.code == 3
    assert refused.run["state"] == "finished"
    assert unread(refused.run) == {
        **every("sealed", US, "denied"),
        **every("ghost", US, "failed"),
        **every("hidden", "all", "denied"),
        ("dev", EU, "sg-unused"): "denied",
        ("dev", US, "eni-inventory"): "denied",
        ("dev", US, "sg-unused"): "denied",
        ("production", US, "ec2-inventory"): "denied",
        **every("production", EU, "denied"),
        **every("production", AP, "denied"),
    }
    assert len(refused.run["cells"]) == (3 * 3 + 3) * len(POLICIES)


def test_all_that_could_be_read_is_in_the_report(refused: Audited, whole: Audited) -> None:
    columns = set(whole.sheets["security_groups"][0])
    different = differing(refused, whole)
    assert different.pop(("production", EU)) == different.pop(("production", AP)) == columns
    about_use = {"in_use", "attached_eni_count", "attached_resources", "risk", "risk_note", "unused"}
    about_use |= {"reachable", "reachable_on", "first_seen", "since_last", "next_step"}
    # Its own interfaces were read: that others were not says nothing of its groups.
    assert different.pop(("dev", EU)) == {"unused", "next_step"}
    rows = {row["group_name"]: row for row in refused.groups().values() if row["region"] == EU}
    assert [rows["dual-stack-ssh"][name] for name in ("in_use", "risk")] == [False, "medium"]
    assert different.pop(("dev", US)) <= about_use
    # Interfaces tell which instances there are, but neither their names nor their states.
    assert different.pop(("production", US)) == {"instances"}
    assert different == {}


def test_all_that_could_not_be_read_is_in_coverage(refused: Audited) -> None:
    assert {key: row["status"] for key, row in refused.coverage().items()} == unread(refused.run)
    of = refused.coverage()
    for key, code, what_to_do in (
        (("sealed", US, "sg-inventory"), "AccessDenied", f"arn:aws:iam::{SEALED}:role/sg-audit"),
        (("ghost", US, "sg-inventory"), "ProfileNotFound", "profile"),
        (("hidden", "all", "sg-inventory"), "UnauthorizedOperation", "ec2:DescribeRegions"),
        (("dev", EU, "sg-unused"), "AccessDeniedException", "lambda:ListFunctions"),
        (("dev", US, "eni-inventory"), "UnauthorizedOperation", "ec2:DescribeNetworkInterfaces"),
        (("dev", US, "sg-unused"), "UnauthorizedOperation", "ec2:DescribeNetworkInterfaces"),
        (("production", US, "ec2-inventory"), "AccessDenied", "ec2:DescribeInstances"),
        (("production", EU, "sg-default"), "AuthFailure", f"region {EU}"),
        (("production", AP, "eni-inventory"), "OptInRequired", f"region {AP}"),
    ):
        assert of[key]["code"] == code, key
        assert what_to_do in of[key]["what_to_do"], key
        assert of[key]["message"], key
    assert "no-such-profile" in of["ghost", US, "sg-inventory"]["message"]
    assert "sts:AssumeRole" in of["sealed", US, "sg-inventory"]["what_to_do"]


def test_a_summary_tells_how_much_was_read(refused: Audited) -> None:
    planned = len(refused.run["cells"])
    read = planned - len(unread(refused.run))
    assert f"{read} of {planned} cells" in refused.errors
    assert f"{read} of {planned} cells" in refused.facts
    by_account = refused.sheets["summary_accounts"]
    missing = {row["account_profile"]: int(row["cells_not_read"]) for row in by_account}
    assert sum(missing.values()) == planned - read
    assert sum(int(row["cells_planned"]) for row in by_account) == planned
    assert (missing["sealed"], missing["staging"]) == (len(POLICIES), 0)


def test_a_flag_whose_policy_was_refused_is_unknown(refused: Audited, whole: Audited) -> None:
    for group_id, row in refused.groups().items():
        if (row["account_profile"], row["region"]) in (("dev", EU), ("dev", US)):
            assert row["unused"] == "unknown", row["group_name"]
        else:
            assert row["unused"] is whole.groups()[group_id]["unused"], row["group_name"]
        for flag in ("is_default", "has_ssh_rule", "has_ssh_open_world"):
            assert row[flag] is whole.groups()[group_id][flag], row["group_name"]


def test_without_interfaces_in_use_is_unknown_unless_an_instance_has_the_group(
    refused: Audited, whole: Audited
) -> None:
    rows = [
        row for row in refused.groups().values() if (row["account_profile"], row["region"]) == ("dev", US)
    ]
    for row in rows:
        on_instance = bool(whole.groups()[row["security_group_id"]]["instances"])
        assert row["in_use"] == (True if on_instance else "unknown"), row["group_name"]
        assert row["attached_eni_count"] == "unknown", row["group_name"]
    assert {row["in_use"] for row in rows} == {True, "unknown"}


def test_where_in_use_is_unknown_the_risk_is_the_worst_it_could_be(refused: Audited, whole: Audited) -> None:
    for group_id, row in refused.groups().items():
        before = whole.groups()[group_id]
        assert RISKS.index(row["risk"]) <= RISKS.index(before["risk"]) or row["in_use"] == "unknown"
        noted = row["risk_note"] != before["risk_note"]
        assert noted == (row["in_use"] == "unknown"), row["group_name"]
    risks = {
        name: refused.group(name, US)["risk"] for name in ("legacy-ssh", "=1+1", "lambda-egress", "bastion")
    }
    assert risks == {
        "legacy-ssh": "critical",
        "=1+1": "critical",
        "lambda-egress": "low",
        "bastion": "critical",
    }


# -- what passes when it is waited out or tried again: one run that meets a fault an account and region

PASSING = {
    ("dev", US): Fault(What.THROTTLE, account=DEV, region=US, share=0.3),
    ("dev", EU): Fault(What.DROP, account=DEV, region=EU, share=0.3),
    ("staging", US): Fault(What.ERROR, account=STAGING, region=US, share=0.3),
    ("staging", EU): Fault(What.CUT, account=STAGING, region=EU, share=0.3),
}
ON_THE_WAY_IN = (
    *(Fault(what, account=DEV, action="AssumeRole", times=1) for what in (What.THROTTLE, What.DROP)),
    *(Fault(what, account=STAGING, action="AssumeRole", times=1) for what in (What.ERROR, What.CUT)),
)


@pytest.fixture(scope="module")
def bumpy(
    endpoint: str, tmp_path_factory: pytest.TempPathFactory, sg_audit: SgAudit, warm: Warm
) -> tuple[Audited, list[int]]:
    """An audit, and how often it met each fault."""
    commands = Commands(endpoint, tmp_path_factory.mktemp("bumpy"), sg_audit, warm)
    with armed(endpoint, *ON_THE_WAY_IN, *PASSING.values()):
        result = commands.audit("-a", "dev", "-a", "staging", "-r", US, "-r", EU)
        return result, faults.strikes(endpoint)


def test_what_passes_is_no_gap(bumpy: tuple[Audited, list[int]]) -> None:
    result, strikes = bumpy
    assert strikes[: len(ON_THE_WAY_IN)] == [1, 1, 1, 1]
    assert unread(result.run) == result.coverage() == {}
    assert result.code == 0


@pytest.mark.parametrize("place", PASSING, ids=lambda place: PASSING[place].what.value)
def test_what_passes_leaves_no_trace_in_the_report(
    bumpy: tuple[Audited, list[int]], whole: Audited, place: tuple[str, str]
) -> None:
    result, strikes = bumpy
    assert strikes[len(ON_THE_WAY_IN) :][list(PASSING).index(place)] > 1
    assert place not in differing(result, whole)
    throttled = sum(
        cell["throttled"] for cell in result.run["cells"] if (cell["account"], cell["region"]) == place
    )
    assert (throttled > 0) == (PASSING[place].what is What.THROTTLE)


def test_a_fault_that_stays_is_a_failed_cell(commands: Commands, whole: Audited) -> None:
    stay = (
        Fault(What.ERROR, region=US, action="DescribeInstances"),
        Fault(What.CUT, region=EU, action="DescribeInstances"),
        Fault(What.CUT, region=EU, action="ListFunctions"),
        Fault(What.DROP, region=AP, action="DescribeInstances"),
        # Not one of the codes that Custodian itself waits out, for two minutes.
        Fault(What.THROTTLE, region=AP, action="DescribeComputeEnvironments", code="RequestThrottled"),
    )
    faults.arm(commands.endpoint, stay)
    result = commands.audit("-a", "dev", **FEW_ATTEMPTS)
    assert all(strikes > 1 for strikes in faults.strikes(commands.endpoint)), "not tried again"
    assert unread(result.run) == {
        ("dev", US, "ec2-inventory"): "failed",
        ("dev", EU, "ec2-inventory"): "failed",
        ("dev", EU, "sg-unused"): "failed",
        ("dev", AP, "ec2-inventory"): "failed",
        ("dev", AP, "sg-unused"): "failed",
    }
    assert result.code == 3
    assert {key: row["status"] for key, row in result.coverage().items()} == unread(result.run)
    assert all(row["code"] and row["what_to_do"] for row in result.coverage().values())
    assert (
        differing(result, whole).items()
        <= {
            ("dev", US): {"instances"},
            ("dev", EU): {"instances", "unused", "next_step"},
            ("dev", AP): {"unused", "next_step"},
        }.items()
    )
    codes = {(region, policy): row["code"] for (_, region, policy), row in result.coverage().items()}
    assert codes[AP, "sg-unused"] == "RequestThrottled"


# -- what never ends by itself


INVENTORIES = POLICIES[:3]
ONLY_INVENTORIES = tuple(word for policy in INVENTORIES for word in ("-p", policy))


def test_a_unit_has_its_time_and_the_others_go_on(commands: Commands) -> None:
    stay = (
        Fault(What.HANG, region=US, action="DescribeInstances"),
        Fault(What.TRICKLE, region=EU, action="DescribeNetworkInterfaces", seconds=1),
        Fault(What.TOKENS, region=AP, action="DescribeNetworkInterfaces", tokens=["one", "two", "three"]),
        Fault(What.HANG, account=STAGING, action="AssumeRole"),
    )
    faults.arm(commands.endpoint, stay)
    accounts = commands.folder / "accounts.yml"
    entry = f"- {{name: staging, account_id: '{STAGING}', role: sg-audit, regions: [all]}}\n"
    accounts.write_text(accounts.read_text().partition("- name: staging")[0] + entry)
    result = commands.audit("--unit-timeout", "7", *ONLY_INVENTORIES)
    assert faults.strikes(commands.endpoint) == [1, 1, 4, 1]
    assert result.code == 3
    assert unread(result.run) == {
        **{("staging", "all", policy): "failed" for policy in INVENTORIES},
        ("dev", US, "ec2-inventory"): "failed",
        ("dev", EU, "eni-inventory"): "failed",
        ("dev", EU, "ec2-inventory"): "failed",
        ("dev", AP, "eni-inventory"): "failed",
    }
    coverage = result.coverage()
    over = "after 7 seconds: no account and region may take longer (--unit-timeout)"
    for region, policy, action in (
        (US, "ec2-inventory", "DescribeInstances"),
        (EU, "eni-inventory", "DescribeNetworkInterfaces"),
        (EU, "ec2-inventory", "DescribeInstances"),
        ("all", "ec2-inventory", "AssumeRole"),
    ):
        row = coverage["staging" if region == "all" else "dev", region, policy]
        assert row["message"] == f"stopped at {action} {over}"
        assert "--unit-timeout" in row["what_to_do"]
    row = coverage["dev", AP, "eni-inventory"]
    assert "its pages go round" in row["message"]
    assert "proxy" in row["what_to_do"]


def test_a_worker_that_is_stopped_does_not_hold_the_run(commands: Commands) -> None:
    faults.arm(commands.endpoint, [HELD_UP])
    command = ("run", *commands.input, "-s", "output", "-a", "dev", "-r", EU, *ONLY_INVENTORIES)
    with commands.started(*command, "--unit-timeout", "7", **ONE_WORKER) as process:
        wait_for(lambda: faults.strikes(commands.endpoint) == [1])
        (worker,) = workers(process.pid)
        os.kill(worker, signal.SIGSTOP)
        _, errors = process.communicate(timeout=180)
    assert process.returncode == 3, errors
    run = commands.run_json
    assert unread(run) == {("dev", EU, "ec2-inventory"): "failed"}
    (lost,) = (cell for cell in run["cells"] if cell["status"] == "failed")
    assert lost["code"] == "UnitTimeoutError"
    assert lost["message"].startswith("stopped at policy ec2-inventory after 7 seconds: ")


# -- what ends early


def test_a_worker_that_is_killed_costs_its_own_cells(commands: Commands, whole: Audited) -> None:
    # The first of three regions is held up in the third of its policies, and then its worker is killed.
    faults.arm(commands.endpoint, [Fault(What.DELAY, region=US, action="DescribeInstances", seconds=LONG)])
    with commands.started("audit", *commands.input, *_OUTPUT, "-a", "dev", **ONE_WORKER) as process:
        wait_for(lambda: faults.strikes(commands.endpoint) == [1])
        (worker,) = workers(process.pid)
        faults.arm(commands.endpoint, ())
        os.kill(worker, signal.SIGKILL)
        output, errors = process.communicate(timeout=180)
    result = commands.audited(process.returncode, output, errors)
    assert "Traceback" not in errors
    lost = POLICIES[2:]
    assert unread(result.run) == {("dev", US, policy): "failed" for policy in lost}
    assert result.code == 3
    for key, row in result.coverage().items():
        assert "SIGKILL" in row["message"], key
        assert "worker" in row["message"], key
        assert row["what_to_do"], key
    assert len(result.coverage()) == len(lost)
    # What the policies said before is there, and what only the lost ones know is unknown.
    assert differing(result, whole).keys() == {("dev", US)}
    assert {group_id for group_id, row in whole.groups().items() if row["account_profile"] == "dev"} == set(
        result.groups()
    )
    for row in result.groups().values():
        if row["region"] == US:
            assert row["in_use"] is whole.groups()[row["security_group_id"]]["in_use"]
            # The group's own rules may say that it is open; that it is not, only the policy does.
            open_world = whole.groups()[row["security_group_id"]]["has_ssh_open_world"]
            assert row["has_ssh_open_world"] == (open_world or "unknown")
            assert row["unused"] == "unknown"


def workers(pid: int) -> list[int]:
    """The run's worker processes: the children of its child that forks them."""
    table = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    parents = dict(tuple(map(int, line.split())) for line in table.splitlines())
    return [child for child, parent in parents.items() if parents.get(parent) == pid]


# The second of three regions is held up in its third policy.
HELD_UP = Fault(What.DELAY, account=DEV, region=EU, action="DescribeInstances", seconds=LONG)
BEFORE_IT = (*((US, policy) for policy in POLICIES), (EU, "sg-inventory"), (EU, "eni-inventory"))


@pytest.mark.parametrize("seconds", [0.2, 0.8])
def test_a_run_interrupted_as_it_begins_says_so_and_no_more(commands: Commands, seconds: float) -> None:
    with commands.started_cold("run", *commands.input, "-s", "output", "-a", "dev") as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        wait_for(lambda: bool(children.read_text()))  # workers' process is loading, as the run itself is
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=180)
    # Python ends by the signal itself, whatever was made of it, where that met an `exec` of a text: dataclasses.
    assert process.returncode in (3, -signal.SIGINT)
    assert "Traceback" not in errors
    assert "interrupted" in errors


def test_an_interrupted_run_keeps_what_it_has_and_is_taken_up_again(
    commands: Commands, whole: Audited
) -> None:
    faults.arm(commands.endpoint, [HELD_UP])
    with commands.started("audit", *commands.input, "-s", "output", "-a", "dev", **ONE_WORKER) as process:
        wait_for(lambda: faults.strikes(commands.endpoint) == [1])
        started = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: all of them hear of it
        _, errors = process.communicate(timeout=180)
    assert time.monotonic() - started < LONG / 2
    assert process.returncode == 3
    assert "Traceback" not in errors
    assert errors.splitlines()[-1] == (
        "interrupted: what was finished is kept; `sg-audit audit --resume` with the same options goes on"
    )
    interrupted = commands.run_json
    assert interrupted["state"] == "interrupted"
    assert {key: status for key, status in statuses(interrupted).items() if key[1:] in BEFORE_IT} == {
        ("dev", *key): "ok" for key in BEFORE_IT
    }
    assert set(unread(interrupted).values()) == {"skipped"}
    assert len(unread(interrupted)) == 3 * len(POLICIES) - len(BEFORE_IT)

    cut_off = commands.report()
    assert cut_off.code == 3
    assert {key: row["status"] for key, row in cut_off.coverage().items()} == unread(interrupted)
    assert all("--resume" in row["what_to_do"] for row in cut_off.coverage().values())

    # A delay too short to notice counts calls: of the region that was finished, and of the one never begun.
    faults.arm(
        commands.endpoint,
        [Fault(What.DELAY, account=DEV, region=region, action="D*", seconds=0.001) for region in (US, AP)],
    )
    code, output, errors = commands.finish("run", "--resume", *commands.input, "-s", "output")
    assert code == 0, errors
    assert Path(output.strip()) == (commands.folder / "output" / "latest").resolve()
    again, first_time = faults.strikes(commands.endpoint)
    assert (again, first_time > 0) == (0, True)
    resumed = commands.run_json
    assert (resumed["state"], resumed["started"]) == ("finished", interrupted["started"])
    kept = [cell for cell in interrupted["cells"] if cell["status"] == "ok"]
    assert [cell for cell in resumed["cells"] if cell in kept] == kept
    assert unread(resumed) == {}
    complete = commands.report()
    assert (complete.code, differing(complete, whole)) == (0, {})

    code, output, errors = commands.finish("run", "--resume", *commands.input, "-s", "output")
    assert (code, errors.splitlines()[-1]) == (0, f"nothing left to do: all of {output.strip()} was read")
    assert commands.run_json == resumed
