"""A run of ours whose files someone has packed, as archives do: what was not read still shows."""

import gzip
from pathlib import Path

import pytest

from reporter.errors import InputError
from reporter.output.reading import open_output
from tests.rundir import DENIED, audit, findings, group, unit, write

US = "us-east-1"


def packed(run: Path) -> Path:
    for path in list(run.rglob("*.json")):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    return run


@pytest.mark.parametrize("name", ["20251123T210355Z", "renamed"])
@pytest.mark.parametrize("above", [False, True], ids=["the run", "a folder of runs"])
def test_an_account_that_was_not_read_is_not_lost(tmp_path: Path, name: str, above: bool) -> None:
    run = tmp_path / name
    run.mkdir()
    packed(write(run, {("alpha", US): unit([group("sg-1")]), ("beta", US): dict.fromkeys(unit(), DENIED)}))
    read = audit(tmp_path if above else run)
    assert read.output.kind == "a run of sg-audit"
    assert {(cell.account, cell.status) for cell in read.cells} == {("alpha", "ok"), ("beta", "denied")}
    assert list(findings(read).groups["security_group_id"]) == ["sg-1"]


def test_a_packed_manifest_that_is_damaged_is_told(tmp_path: Path) -> None:
    run = packed(write(tmp_path, {("alpha", US): unit()}))
    (run / "run.json.gz").write_bytes((run / "run.json.gz").read_bytes()[:-20])
    with pytest.raises(InputError, match=r"run\.json: not a manifest of sg-audit: "):
        open_output(run)
