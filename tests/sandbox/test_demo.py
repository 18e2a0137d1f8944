"""The demo, as a newcomer with a troubled AWS setup starts it; and how little `report` takes to start."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import openpyxl
import pytest

ROOT = Path(__file__).parents[2]

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


def test_demo_reads_no_aws_settings_and_leaves_nothing_but_its_report(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home, cwd, reports = (tmp_path / name for name in ("home", "cwd", "reports"))
    temp = tmp_path_factory.mktemp("t")  # short: workers are reached through a socket in it
    for folder in (home / ".aws", cwd):
        folder.mkdir(parents=True)
    (home / ".aws" / "config").write_text("this is no configuration [")
    (home / ".aws" / "credentials").write_text("nor are these credentials [")
    done = subprocess.run(
        [sys.executable, "-m", "reporter", "demo", "-u", str(ROOT / "policies"), "-o", str(reports)],
        env=os.environ | HOSTILE | {"HOME": str(home), "TMPDIR": str(temp)},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr

    (report,) = reports.iterdir()
    assert done.stdout == f"{report}\n"
    assert re.fullmatch(r"security_groups_inventory_\d{8}T\d{6}\.xlsx", report.name)
    assert openpyxl.load_workbook(report, read_only=True).sheetnames[:3] == [
        "default_sg",
        "ssh_open",
        "ssh_world",
    ]

    # critical, high, medium, low, none
    assert table(done.stderr) == {
        "dev": [2, 1, 4, 6, 9],
        "staging": [3, 0, 1, 3, 1],
        "production": [2, 0, 1, 3, 5],
        "all": [7, 1, 6, 12, 15],
    }
    assert "171 of 171 cells" in done.stderr  # 3 accounts, 3 regions, 19 policies

    assert list(cwd.iterdir()) == []
    assert list(temp.iterdir()) == []
    assert sorted(path.name for path in home.rglob("*")) == [".aws", "config", "credentials"]


def table(text: str) -> dict[str, list[int]]:
    """The rows of counts in the closing table."""
    rows = re.findall(r"^│ *(\w+) *│((?: *\d+ *│)+)$", text, re.MULTILINE)
    return {name: [int(count) for count in re.findall(r"\d+", counts)] for name, counts in rows}


# What `report` imports, and what it does not.

HEAVY = {"c7n", "c7n_org", "boto3", "botocore", "moto", "pandas", "xlsxwriter", "openpyxl"}

RUN = """
import json, sys
from reporter.cli import main
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
