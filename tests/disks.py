"""Small disks: whatever is to happen where there is no room, or nothing can be written."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of its own at `place`. Skips the test where none can be made: it takes root."""
    place.mkdir()
    if os.geteuid():
        pytest.skip("only root can mount a disk of a test's own")
    made = mount("-t", "tmpfs", "-o", f"size={kilobytes}k,mode=0700", "tmpfs", place)
    if made.returncode:
        pytest.skip(f"no disk of a test's own can be mounted: {made.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def remount(place: Path, options: str) -> None:
    """Change it: `size=10m`, or `ro`."""
    done = mount("-o", f"remount,{options}", place)
    assert done.returncode == 0, done.stderr


def fill(place: Path) -> None:
    """Leave no room on it."""
    try:
        with (place / "filling").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 1024)
    except OSError:
        pass


def mount(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["mount", *words], capture_output=True, text=True)


def files(place: Path) -> list[str]:
    """All that is below a place, hidden or not."""
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*"))
