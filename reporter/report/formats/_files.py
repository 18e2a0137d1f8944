"""What formats that write files have in common."""

import re
from collections.abc import Sequence
from pathlib import Path

from reporter.names import MAX_BYTES, cut, distinct

_NUMBER = len("_99999")  # room for what tells two apart


def tab_files(stem: Path, tabs: Sequence[str], suffix: str) -> list[Path]:
    """A file for each tab: `<stem>_<tab><suffix>`, their names unlike even where the file system folds case."""
    room = MAX_BYTES - len(f"{stem.name}_{suffix}".encode()) - _NUMBER
    clean = (cut(re.sub(r"[^\w.-]", "_", tab), room) or "table" for tab in tabs)
    names = distinct(clean, lambda tab, ending: tab + ending)
    return [stem.with_name(f"{stem.name}_{tab}{suffix}") for tab in names]
