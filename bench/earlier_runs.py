"""What earlier runs cost a report: of one run alone, and of the same one with ten before it.

    python bench/earlier_runs.py FOLDER

Makes the runs in FOLDER where they are missing: 100,000 groups each, of which some are opened, closed, made and deleted
from one run to the next. The first report with ten runs reads them all, the ones after it their findings.json. To CSV:
what a workbook costs would hide the difference.
"""

import argparse
import shutil
import sys
from pathlib import Path

import msgspec
import run_directory
from measure import measure

ROOT = Path(__file__).parent.parent
RUNS = 11
_POLICIES = ("sg-inventory", "sg-ssh-open", "sg-ssh-world", "sg-web-world")


def make(folder: Path) -> tuple[Path, Path]:
    """A folder with the newest run alone, and one with ten before it."""
    alone, many = folder / "alone", folder / "many"
    names = [f"202601{day:02d}T000000Z" for day in range(1, RUNS + 1)]
    if not alone.exists():
        run_directory.make(many / names[0], 100, 4, 250)
        for number, name in enumerate(names[1:], 1):
            shutil.copytree(many / names[0], many / name)
            for place in (many / name).glob("*/*/"):
                change(place, number)
        for number, name in enumerate(names, 1):
            path = many / name / "run.json"
            path.write_text(path.read_text().replace("2026-01-01T", f"2026-01-{number:02d}T"))
        shutil.copytree(many / names[-1], alone / names[-1])
    return alone, many


def change(place: Path, number: int) -> None:
    """Leave two groups out of what was found in an account and region, others in each run."""
    for policy in _POLICIES:
        path = place / policy / "resources.json"
        found = msgspec.json.decode(path.read_bytes())
        kept = [each for row, each in enumerate(found) if row % 125 != number * 7]
        path.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=2))


def main() -> None:
    parser = argparse.ArgumentParser(description="What earlier runs cost a report.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    alone, many = make(folder)
    print("| report of 100,000 groups | wall s | CPU s | peak MiB |\n| --- | --- | --- | --- |")
    for title, output in (
        ("one run alone", alone),
        ("ten runs before it, read for the first time", many),
        ("ten runs before it", many),
    ):
        command = [sys.executable, "-m", "reporter", "report", "-s", str(output)]
        command += ["-o", str(folder / "reports"), "-f", "csv"]
        figures = measure(command, {"PYTHONPATH": str(ROOT), "HOME": str(folder)}, ROOT)
        print(f"| {title} | {figures.wall:.1f} | {figures.cpu:.1f} | {figures.memory:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
