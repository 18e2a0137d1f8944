"""What earlier runs cost a report: of one run alone, and of the same one with ten before it.

    python bench/earlier_runs.py FOLDER

Makes the runs in FOLDER where they are missing: 100,000 groups each, of which some are opened, closed, made and deleted
from one run to the next. The first report with ten runs reads them all, the ones after it their findings.json.
"""

import argparse
import os
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
    if alone.exists():
        return alone, many
    shutil.rmtree(many, ignore_errors=True)  # made in part
    run_directory.make(many / names[0], 100, 4, 250)
    for number, name in enumerate(names[1:], 1):
        # Links: most files are the same in all runs, and one that differs is written anew.
        shutil.copytree(many / names[0], many / name, copy_function=os.link)
        for place in (many / name).glob("*/*/"):
            change(place, number)
        started = f"2026-01-{number + 1:02d}T"
        replace(
            many / name / "run.json", (many / name / "run.json").read_text().replace("2026-01-01T", started)
        )
    shutil.copytree(many / names[-1], alone / names[-1], copy_function=os.link)
    return alone, many


def change(place: Path, number: int) -> None:
    """Leave two groups out of what was found in an account and region, others in each run."""
    for policy in _POLICIES:
        path = place / policy / "resources.json"
        found = msgspec.json.decode(path.read_bytes(), type=list[msgspec.Raw])
        kept = [bytes(each) for row, each in enumerate(found) if row % 125 != number * 7]
        replace(path, f"[{b','.join(kept).decode()}]")


def replace(path: Path, text: str) -> None:
    """Write a file of a run that shares it with others."""
    path.unlink()
    path.write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description="What earlier runs cost a report.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    alone, many = make(folder)
    print("| report of 100,000 groups | wall s | CPU s | peak MiB |\n| --- | --- | --- | --- |")
    for title, output, style in (
        ("to CSV: ten runs before it, read for the first time", many, "csv"),
        ("to CSV: one run alone", alone, "csv"),
        ("to CSV: ten runs before it", many, "csv"),
        ("to a workbook: one run alone", alone, "xlsx"),
        ("to a workbook: ten runs before it", many, "xlsx"),
    ):
        if "first" in title:
            for kept in many.glob("*/findings.json"):
                kept.unlink()
        command = [sys.executable, "-m", "reporter", "report", "-s", str(output)]
        command += ["-o", str(folder / "reports"), "-f", style]
        figures = measure(command, {"PYTHONPATH": str(ROOT), "HOME": str(folder)}, ROOT)
        print(f"| {title} | {figures.wall:.1f} | {figures.cpu:.1f} | {figures.memory:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
