"""What formats that write files have in common."""

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reporter.names import MAX_BYTES, cut, distinct

_NUMBER = len("_99999")  # room for what tells two apart


@contextmanager
def all_or_none(folder: Path) -> Iterator[Path]:
    """A folder to write files and folders into; they move to `folder` if the block comes to its end.

    It lies beside the report, for its owner only, not in a shared folder. Raises OSError where one cannot be moved;
    then none is there.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".report-", ignore_cleanup_errors=True) as name:
        part = Path(name)
        yield part
        moved: list[Path] = []
        try:
            for path in sorted(part.iterdir()):
                target = folder / path.name
                path.replace(target)
                moved.append(target)
        except BaseException:
            for path in moved:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            raise


def tab_files(stem: Path, tabs: Sequence[str], suffix: str) -> list[str]:
    """A file's name for each tab: `<stem>_<tab><suffix>`, unlike even where the file system folds case."""
    room = MAX_BYTES - len(f"{stem.name}_{suffix}".encode()) - _NUMBER
    clean = (cut(re.sub(r"[^\w.-]", "_", tab), room) or "table" for tab in tabs)
    return [f"{stem.name}_{tab}{suffix}" for tab in distinct(clean, lambda tab, ending: tab + ending)]
