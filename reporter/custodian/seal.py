"""No way out of this process while a block runs: no files but Python's own, no network, no other programs.

Python tells an audit hook (PEP 578) of whatever it is about to do outside itself, whichever library asks. A hook
cannot be taken away again; out of a block ours lets everything pass.
"""

import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zoneinfo import TZPATH

Refuse = Callable[[str], BaseException]

# Modules that are imported late, their data, and time zones. Real paths: a link in them leads out.
_PACKAGES = [find_spec(name) for name in ("botocore", "c7n", "dateutil")]
_OURS = tuple(
    os.path.realpath(str(each)) + os.sep
    for each in (
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *(Path(package.origin).parent for package in _PACKAGES if package and package.origin),
        *TZPATH,
        "/usr/share/zoneinfo",
    )
)
_MODULES = (".py", ".pyc", ".so", ".pyd")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_HARMLESS = frozenset({"socket.__new__", "socket.gethostname", "os.listdir", "os.scandir", "os.walk"})
_KINDS = {
    "socket": "what is on the network",
    "urllib": "what is on the network",
    "subprocess": "another program",
    "pty": "another program",
    "os": "a change of this machine",
    "shutil": "a change of this machine",
    "tempfile": "a change of this machine",
    "sqlite3": "a file",
    "ctypes": "another program",
}

_refuse: Refuse | None = None
_installed = False


@contextmanager
def closed(refuse: Refuse) -> Iterator[None]:
    """Raise what `refuse` makes of a description, as "a file", for each attempt to get out."""
    global _installed
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    with _set_to(refuse):
        try:
            yield
        finally:
            sys.dont_write_bytecode = writes_bytecode


@contextmanager
def _set_to(refuse: Refuse | None) -> Iterator[None]:
    global _refuse
    before, _refuse = _refuse, refuse
    try:
        yield
    finally:
        _refuse = before


def lifted() -> Any:
    """A block within a closed one, for work of this package's own."""
    return _set_to(None)


def _hook(event: str, given: tuple[Any, ...]) -> None:
    if _refuse is None or event in _HARMLESS:
        return
    if event == "open":
        if not _is_pythons_own(*given):
            raise _refuse("a file")
        return
    what = _KINDS.get(event.partition(".")[0])
    if what is not None:
        raise _refuse(what)


def _is_pythons_own(path: Any, mode: Any, flags: Any) -> bool:
    if isinstance(path, int):
        return True  # open already
    if (flags or 0) & _WRITING or not set(mode or "").isdisjoint("wax+"):
        return False
    real = os.path.realpath(os.fsdecode(path))
    return real.startswith(_OURS) or real.endswith(_MODULES)
