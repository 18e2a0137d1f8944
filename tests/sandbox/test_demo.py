"""The demo, as a newcomer with a troubled AWS setup installs and starts it; and how little `report` takes to start."""

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import click
import openpyxl
import pytest
from click.testing import CliRunner

from reporter.cli import cli, run
from reporter.cli.run import audit
from reporter.sandbox import Sandbox

ROOT = Path(__file__).parents[2]

SgAudit = Callable[..., "subprocess.CompletedProcess[str]"]

# Whatever heeds one of these fails.
HOSTILE = {
    "AWS_PROFILE": "doesnotexist",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ENDPOINT_URL_EC2": "http://127.0.0.1:1",
    "AWS_CONFIG_FILE": "/no/such/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/no/such/credentials",
    "AWS_ACCESS_KEY_ID": "the-users-own",
    "AWS_SECRET_ACCESS_KEY": "the-users-own",
    "AWS_CA_BUNDLE": "/no/such/bundle.pem",
    "AWS_DEFAULT_REGION": "no-such-region-1",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "HTTPS_PROXY": "http://127.0.0.1:1",
}


# Notes each import of ours in each process: its id, the module, and where it would be looked for.
SPY = """
import json, os, sys
def note(event, details):
    if event == "import" and details[0].partition(".")[0] == "reporter":
        with open({log!r}, "a") as log:
            log.write(json.dumps([os.getpid(), details[0], sys.path]) + chr(10))
sys.addaudithook(note)
"""


@dataclass(frozen=True)
class Demo:
    """What came of `sg-audit demo` in an empty folder, and where its imports are noted."""

    program: Path
    site: Path
    cwd: Path
    home: Path
    temp: Path
    log: Path
    done: "subprocess.CompletedProcess[str]"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo of the wheel, in an environment of its own that borrows no more than dependencies from this one."""
    folder = tmp_path_factory.mktemp("demo")
    env, cwd, home = (folder / name for name in ("env", "cwd", "home"))
    temp = tmp_path_factory.mktemp("t")  # short: workers are reached through a socket in it
    succeed([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT)
    [wheel] = folder.glob("*.whl")
    venv.create(env)
    into = [sys.executable, "-m", "pip", "--python", env / "bin" / "python", "--disable-pip-version-check"]
    succeed([*into, "install", "--no-deps", "--no-index", wheel], cwd=folder)
    [site] = env.glob("lib/python*/site-packages")
    program, log = env / "bin" / "sg-audit", folder / "imports"
    (site / "spy.py").write_text(SPY.format(log=str(log)))
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "borrowed.pth").write_text("\n".join([*borrowed, "import spy"]))

    for each in (home / ".aws", cwd):
        each.mkdir(parents=True)
    (home / ".aws" / "config").write_text("this is no configuration [")
    (home / ".aws" / "credentials").write_text("nor are these credentials [")
    done = subprocess.run(
        [program, "demo"],
        env=without_pythonpath() | HOSTILE | {"HOME": str(home), "TMPDIR": str(temp)},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return Demo(program, site, cwd, home, temp, log, done)


def succeed(command: Sequence[str | Path], cwd: Path, env: Mapping[str, str] = os.environ) -> None:
    env = without_pythonpath(env)
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def without_pythonpath(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    return {name: value for name, value in env.items() if name != "PYTHONPATH"}


def imports(log: Path) -> list[tuple[int, str, list[str]]]:
    """Process, module and `sys.path` of each import."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_demo_reads_no_aws_settings_and_leaves_its_report_and_its_run(demo: Demo) -> None:
    [report] = (demo.cwd / "reports").iterdir()
    assert demo.done.stdout == f"reports/{report.name}\n"
    assert re.fullmatch(r"security_groups_inventory_\d{8}T\d{6}\.xlsx", report.name)
    assert openpyxl.load_workbook(report, read_only=True).sheetnames[:4] == [
        "overview",
        "default_sg",
        "ssh_open",
        "ssh_world",
    ]

    # critical, high, medium, low, none
    assert table(demo.done.stderr) == {
        "dev": [2, 1, 4, 6, 9, 1],
        "staging": [5, 0, 1, 6, 32, 4],
        "production": [2, 0, 1, 3, 5, 1],
        "all": [9, 1, 6, 15, 46, 6],
    }
    assert "171 of 171 cells" in demo.done.stderr  # 3 accounts, 3 regions, 19 policies

    output = demo.cwd / "demo-output"
    assert sorted(path.name for path in demo.cwd.iterdir()) == ["demo-output", "reports"]
    [run, latest] = sorted(output.iterdir())
    assert (latest.name, latest.resolve()) == ("latest", run)
    assert f"{run}: a run of sg-audit" in demo.done.stderr
    assert [oct(path.stat().st_mode & 0o777) for path in (output, run, run / "run.json")] == [
        "0o700",
        "0o700",
        "0o600",
    ]
    assert list(demo.temp.iterdir()) == []
    assert sorted(path.name for path in demo.home.rglob("*")) == [".aws", "config", "credentials"]


def test_what_it_says_to_try_next_works_as_pasted(demo: Demo) -> None:
    lines = demo.done.stderr.splitlines()
    assert lines[0] == "no -u, and no folder policies here: taking the policies that come with sg-audit"
    assert lines[-5:] == [
        "Try next:",
        f"  {demo.program} report -s demo-output -f html  # a page to open in a browser",
        f"  {demo.program} remedy -s demo-output  # plans what would close its findings: "
        "read remedy/plan.md first",
        f"  {demo.program} report -s demo-output -f csv  # the same run as CSV files",
        f"  {demo.program} policies --copy-to policies  # the policies, to change as you like",
    ]
    env = without_pythonpath() | {"HOME": str(demo.home)}
    for line, least in zip(lines[-4:], (1, 2, 2, 2), strict=True):
        # c7n, which remedy has ask the policies again, reads the AWS configuration as it is imported.
        home = env | ({"HOME": str(demo.cwd)} if " remedy " in line else {})
        done = subprocess.run(line, shell=True, env=home, cwd=demo.cwd, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        files = [demo.cwd / name for name in done.stdout.splitlines()]
        assert len(files) >= least
        assert all(file.is_file() for file in files)


def test_it_names_the_page_that_it_has_written(tmp_path: Path) -> None:
    for day in (25, 26):
        (tmp_path / f"security_groups_inventory_202611{day}T210355.html").touch()
    (tmp_path / "[sg].html").touch()
    for stem, name in (("", "security_groups_inventory_20261126T210355"), ("[sg]", "[sg]")):
        with click.Context(cli, info_name="sg-audit"):
            lines = list(run._what_to_try_next("demo-output", tmp_path, stem, ("xlsx", "html")))
        assert lines[1] == f"  open {tmp_path}/{name}.html in a browser: it needs no network"


def test_names_that_stay_are_those_of_the_demos_audit_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it hands on to the audit that it starts, without starting one."""
    commands: list[Sequence[str]] = []

    def start(command: Sequence[str], environment: Mapping[str, str]) -> int:
        commands.append(command)
        return 0

    monkeypatch.setattr("reporter.sandbox.demo.run_to_its_end", start)
    monkeypatch.setattr("reporter.sandbox.running", lambda: nullcontext(Sandbox("http://127.0.0.1:9")))
    monkeypatch.setattr("reporter.sandbox.estate.fill", lambda endpoint: None)
    words = ["demo", "-s", str(tmp_path / "output"), "-o", str(tmp_path), "--stem", "-sg", "-f", "json"]
    words += ["--summary", str(tmp_path / "summary.md")]
    assert CliRunner().invoke(cli, words, standalone_mode=False).return_value == 0
    [command] = commands
    handed_on = audit.make_context("audit", list(command[command.index("audit") + 1 :])).params
    assert (handed_on["stem"], handed_on["place"].name) == ("-sg", str(tmp_path))
    assert handed_on["summary"] == tmp_path / "summary.md"


def test_nothing_is_imported_from_the_checkout_or_the_working_folder(demo: Demo) -> None:
    modules = {module for _, module, _ in imports(demo.log)}
    assert {"reporter.cli", "reporter.sandbox.faults", "reporter.collect.preload"} <= modules
    for _, module, path in imports(demo.log):
        assert not {"", str(demo.cwd), str(ROOT)} & set(path), module
        first = next(entry for entry in path if Path(entry, "reporter").is_dir())
        assert first == str(demo.site), module


def test_no_worker_imports_the_command_line(
    demo: Demo, clean_env: dict[str, str], estate_accounts: Path, tmp_path: Path
) -> None:
    known = len(imports(demo.log))
    where = ["-c", estate_accounts, "-s", "output", "-a", "dev", "-r", "ap-southeast-2", "-p", "sg-default"]
    succeed([demo.program, "run", *where], cwd=tmp_path, env=clean_env)
    noted = imports(demo.log)[known:]
    # A worker runs the program's file again, which is not to take it further than `reporter.__main__`.
    assert len({process for process, module, _ in noted if module == "reporter.__main__"}) > 1
    assert len({process for process, module, _ in noted if module == "reporter.cli"}) == 1
    assert not any({"", str(tmp_path)} & set(path) for _, _, path in noted)


def test_a_second_demo_finds_nothing_new(demo: Demo, sg_audit: SgAudit, estate_run: Path) -> None:
    """Another sandbox has the same groups, with the same ids."""
    done = sg_audit("compare", "-s", demo.cwd / "demo-output", "--base", estate_run, "--format", "json")
    assert done.returncode == 0, done.stderr
    findings = json.loads(done.stdout)["findings"]
    assert len(findings) > 100
    assert {each["state"] for each in findings} == {"unchanged"}


def test_the_demo_keeps_its_runs_on_this_machine(sg_audit: SgAudit) -> None:
    done = sg_audit("demo", "-s", "s3://bucket/prefix")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "sg-audit: -s s3://bucket/prefix: the sandbox's S3 goes when the demo ends; give a folder\n"
    )


CHILD = """
import signal, time
try:
    print("ready", flush=True)
    signal.pause()
except KeyboardInterrupt:
    time.sleep(1)
    print("closed", flush=True)
"""
PARENT = f"""
import os, sys
from reporter.sandbox.demo import run_to_its_end
try:
    run_to_its_end([sys.executable, "-c", {CHILD!r}], os.environ)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_on_ctrl_c_the_audit_closes_its_run_first() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.read().split() == ["closed", "interrupted"]


def table(text: str) -> dict[str, list[int]]:
    """The rows of counts in the closing table."""
    rows = re.findall(r"^(\w+)((?: +\d+)+) *$", text, re.MULTILINE)
    return {name: [int(count) for count in re.findall(r"\d+", counts)] for name, counts in rows}


# What `report` imports, and what it does not.

HEAVY = {"c7n", "c7n_org", "boto3", "botocore", "moto", "pandas", "xlsxwriter", "openpyxl"}

RUN = """
import json, sys
from reporter.__main__ import main
try:
    main()
except SystemExit as exit:
    modules = sorted({name.partition(".")[0] for name in sys.modules})
    print(json.dumps({"code": exit.code, "modules": modules}), file=sys.stderr)
"""


def imported(*args: str | Path, env: Mapping[str, str] | None = None) -> set[str]:
    """The top-level modules there are at the end of a command."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, args)],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    end = json.loads(done.stderr.splitlines()[-1])
    assert end["code"] == 0, done.stderr
    return set(end["modules"])


@pytest.mark.parametrize("args", [["--help"], ["report", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    assert HEAVY & imported(*args) == set()


def test_report_imports_neither_c7n_nor_an_aws_client(
    estate_run: Path, clean_env: dict[str, str], tmp_path: Path
) -> None:
    modules = imported("report", "-s", estate_run, "-o", tmp_path, env=clean_env)
    assert HEAVY & modules == {"pandas", "xlsxwriter"}


def test_report_works_where_c7n_is_not_installed(
    estate_run: Path, clean_env: dict[str, str], tmp_path: Path
) -> None:
    absent = (
        'import sys\nfor name in ("c7n", "c7n_org", "boto3", "botocore", "moto"): sys.modules[name] = None\n'
    )
    done = subprocess.run(
        [sys.executable, "-c", absent + RUN, "report", "-s", str(estate_run), "-o", str(tmp_path)],
        env=clean_env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stderr.splitlines()[-1])["code"] == 0, done.stderr
    assert Path(done.stdout.strip()).parent == tmp_path
