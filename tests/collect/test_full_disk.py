"""No room, nothing writable, no shared memory: one line, what was finished is kept, and nothing half of it is left."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.disks import files, fill, remount, small_disk

SgAudit = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parents[2]
INVENTORIES = "sg-inventory,eni-inventory,ec2-inventory"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 160) as place:
        yield place


def ok(folder: Path) -> set[str]:
    cells = json.loads((folder / "run.json").read_text())["cells"]
    return {
        f"{cell['account']}/{cell['region']}/{cell['policy']}" for cell in cells if cell["status"] == "ok"
    }


def whole(folder: Path) -> set[str]:
    """The cells that have all of their files, whole. Any other file or folder would be a leftover."""
    found = {path for path in files(folder) if (folder / path).is_file()} - {"run.json", "findings.json"}
    cells = {path.rpartition("/")[0] for path in found}
    names = ("custodian-run.log", "metadata.json", "resources.json")
    assert found == {f"{cell}/{name}" for cell in cells for name in names}
    for cell in cells:
        json.loads((folder / cell / "resources.json").read_text())
    return cells


def test_a_disk_that_fills_up_stops_a_run_that_goes_on_where_there_is_room(
    sg_audit: SgAudit, disk: Path, estate_accounts: Path
) -> None:
    words = ("run", "-c", estate_accounts, "-s", disk / "output", "-p", INVENTORIES)
    done = sg_audit(*words)
    assert done.returncode == 3, done.stderr
    folder = Path(done.stdout.strip())
    *lines, why, last = done.stderr.splitlines()
    assert re.fullmatch(rf"{folder}/[a-z]+/[a-z0-9-]+/[a-z0-9-]+: No space left on device", why)
    assert last.startswith("interrupted: what was finished is kept; `sg-audit run --resume`")
    assert [line for line in lines if "No space" in line] == []
    kept = whole(folder)
    assert 0 < len(kept) < 27

    # run.json could not be written any more; what it does not know is there all the same.
    report = sg_audit("report", "-s", disk / "output", "-o", disk.parent / "reports", "-f", "json")
    assert report.returncode == 3, report.stderr
    assert f"{len(kept)} of 27 cells" in report.stderr

    remount(disk, "size=10m")
    done = sg_audit(*words[:-2], "--resume")
    assert done.returncode == 0, done.stderr
    assert whole(folder) == ok(folder)
    assert len(ok(folder)) == 27


def test_a_disk_that_is_full_or_not_for_writing_is_told_before_anything_is_asked(
    sg_audit: SgAudit, disk: Path, estate_accounts: Path
) -> None:
    fill(disk)
    before = files(disk)
    done = sg_audit("run", "-c", estate_accounts, "-s", disk)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == f"sg-audit: {disk}: cannot write there: No space left on device"
    assert files(disk) == before
    remount(disk, "ro")
    for words, says in (
        (("run", "-c", estate_accounts, "-s", disk), f"{disk}: cannot write there"),
        (("run", "-c", estate_accounts, "-s", disk / "output"), f"{disk}/output: cannot write there"),
    ):
        done = sg_audit(*words)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"sg-audit: {says}")


@pytest.mark.parametrize("form", ["xlsx", "csv", "html", "json", "parquet"])
def test_a_report_that_finds_no_room_leaves_nothing(
    form: str, sg_audit: SgAudit, disk: Path, estate_run: Path
) -> None:
    (disk / "reports").mkdir()
    fill(disk)
    before = files(disk)
    done = sg_audit("report", "-s", estate_run, "-o", disk / "reports", "-f", form)
    assert (done.returncode, done.stdout) == (2, "")
    _, line = done.stderr.splitlines()
    assert line.startswith(f"sg-audit: {disk}/reports: cannot write the report there: ")
    assert "no space left on device" in line.lower()
    assert files(disk) == before


def test_what_was_there_stays_where_a_new_one_finds_no_room(
    sg_audit: SgAudit, disk: Path, tmp_path: Path
) -> None:
    copies, accounts = disk / "policies", disk / "accounts.yml"
    assert sg_audit("policies", "--copy-to", copies).returncode == 0
    accounts.write_text("accounts:\n- {name: a, account_id: '222222222222', role: audit}\n")
    (copies / "10-inventory.yml").write_text("policies: []\n")
    fill(disk)
    before = {path: (disk / path).read_bytes() for path in files(disk) if (disk / path).is_file()}
    done = sg_audit("policies", "--copy-to", copies, "--force")
    assert done.returncode == 2
    assert done.stderr == f"sg-audit: {copies}: cannot write there: No space left on device\n"
    config = tmp_path / "config"
    config.write_text(
        "[profile a]\nrole_arn = arn:aws:iam::111111111111:role/audit\nsource_profile = a\n" + "#" * 100
    )
    for option, reason in (("", "No space left on device"), ("ro", "Read-only file system")):
        if option:
            remount(disk, option)
        done = sg_audit("accounts", "--from-profiles", "-c", accounts, env={"AWS_CONFIG_FILE": str(config)})
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1] == f"sg-audit: {accounts}: cannot write there: {reason}"
        assert {path: (disk / path).read_bytes() for path in files(disk) if (disk / path).is_file()} == before


def test_a_folder_for_reports_that_is_not_for_writing_is_told_before_anything_is_read(
    sg_audit: SgAudit, disk: Path, estate_run: Path
) -> None:
    remount(disk, "ro")
    for folder in (disk, disk / "reports"):
        done = sg_audit("report", "-s", estate_run, "-o", folder)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"sg-audit: {folder}: cannot write the report there: ")


def test_without_shared_memory_no_run_begins(
    clean_env: dict[str, str], disk: Path, estate_accounts: Path, tmp_path: Path
) -> None:
    if not shutil.which("unshare"):
        pytest.skip("no program here that takes /dev/shm away")
    remount(disk, "ro")
    hide = f'mount --bind {disk} /dev/shm && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", hide, "sh", sys.executable, "-m", "reporter", "run"]
    command += ["-c", str(estate_accounts), "-s", str(tmp_path / "output")]
    done = subprocess.run(command, env=clean_env, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("sg-audit: /dev/shm: no workers can be started without shared memory: ")
    assert files(tmp_path / "output") == []
