"""Runs programs many times in little time: `python -m tests.warm LISTENER NAME`, with one of the names of LOADED.

Whoever connects tells it what to run, a JSON object a line, {"entry": "MODULE:FUNCTION", "args": [...], "env": {...},
"cwd": "..."}, with the files for stdout and stderr beside it, and is answered {"pid": 17}, then {"pid": 17, "code": 0}.

Each run is a process of its own, forked from this one, which has imported what takes a second to import and read what
botocore takes long to read, and done nothing else. So a run starts just where a cold one would be once its imports
are through. So does the process that the workers of a run are forked from.
"""

import atexit
import importlib
import json
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import multiprocessing.util
import os
import select
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import pairwise
from types import ModuleType
from typing import Any, NoReturn

import boto3
from c7n.resources import load_resources

from tests import models, shared

_SG_AUDIT = (
    "reporter.accounts.chosen",
    "reporter.accounts.discovery",
    "reporter.accounts.writing",
    "reporter.cli",
    "reporter.collect.run",
    "reporter.custodian.permissions",
    "reporter.custodian.policies",
    "reporter.inventory.audit",
    "reporter.policytests.check",
    "reporter.progress",
    "reporter.publish.telling",
    "reporter.report.closing",
    "reporter.report.failing",
    "reporter.report.formats.csv",
    "reporter.report.formats.json",
    "reporter.report.formats.xlsx",
    "reporter.report.writing",
    "reporter.review.compare",
)
LOADED = {
    "sg-audit": _SG_AUDIT,
    "stock": ("c7n.commands", "c7n.policy", "c7n_org.cli"),
    "dask": (*_SG_AUDIT, "dask.config", "distributed.cli.dask_scheduler", "distributed.cli.dask_worker"),
}
# What this project's policies are on, and what they ask.
_RESOURCES = ["aws.security-group", "aws.eni", "aws.ec2", "aws.subnet", "aws.lambda", "aws.batch-compute"]
_SERVICES = [
    "sts",
    "ec2",
    "autoscaling",
    "batch",
    "codebuild",
    "events",
    "lambda",
    "organizations",
    "s3",
    "securityhub",
]

_OF_PYARROW = {"duckdb", "parquet", "query"}  # words of commands that take pandas with it

_LAST_STREAM = 2  # stderr
_SPAWN = multiprocessing.util.spawnv_passfds


def load(name: str) -> None:
    """Import, and read, what all runs will."""
    for module in LOADED[name]:
        importlib.import_module(module)
    load_resources(_RESOURCES)
    models.read_once()
    session = boto3.Session("none", "none", region_name="us-east-1")
    for service in _SERVICES:
        session.client(service)


def serve(control: socket.socket) -> None:
    """Run what is asked for, any number at a time, until nobody is left to ask."""
    ended, end = os.pipe()
    os.set_blocking(end, False)
    signal.set_wakeup_fd(end)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    asked, files = b"", list[int]()
    while True:
        ready, _, _ = select.select([control, ended], [], [])
        if ended in ready:
            os.read(ended, 1024)
            for answer in _ends():
                control.sendall(answer)
        if control in ready:
            more, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 2)
            if not more:
                return
            asked, files = asked + more, files + descriptors
            if asked.endswith(b"\n"):
                pid = os.fork()
                if not pid:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    _be(*files, **json.loads(asked))
                control.sendall(_line(pid=pid))
                for descriptor in files:
                    os.close(descriptor)
                asked, files = b"", []


def _ends() -> Iterator[bytes]:
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            yield _line(pid=pid, code=os.waitstatus_to_exitcode(status))


def _line(**content: int) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _be(
    out: int,
    err: int,
    entry: str,
    args: list[str],
    env: dict[str, str],
    cwd: str,
    seconds: int,
    new_session: bool,
    umask: int,
) -> None:
    """Become the run, for so many seconds at the most."""
    if new_session:
        os.setsid()
    if umask >= 0:
        os.umask(umask)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    _close_all_but([])
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None  # TMPDIR may say another
    places = env.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [place for place in places if place not in ("", *sys.path)]
    if "pandas" in sys.modules:
        # As it would have been loaded, see reporter/pandas_without_pyarrow.py.
        storage = "auto" if _OF_PYARROW.intersection(args) else "python"
        sys.modules["pandas"].set_option("mode.string_storage", storage)
    if "dask" in sys.modules:
        importlib.import_module("dask.config").refresh()  # its settings may be variables
    signal.alarm(seconds)
    sys.argv = args
    sys.modules["__main__"] = ModuleType("__main__")  # else workers would load this file
    multiprocessing.util.spawnv_passfds = _forked_where_it_can_be
    module, _, function = entry.partition(":")
    _end_with(getattr(importlib.import_module(module), function))


def execute() -> None:
    """What `python -c` does, as a program to run: `-c CODE ARG...`."""
    exec(sys.argv.pop(1), {"__name__": "__main__"})


def _end_with(run: Callable[[], object]) -> NoReturn:
    """Do it, and end as Python would."""
    code = 0
    try:
        run()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        code = 1
        sys.excepthook(*sys.exc_info())
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def _close_all_but(descriptors: Sequence[int]) -> None:
    kept = [_LAST_STREAM, *sorted(descriptors), os.sysconf("SC_OPEN_MAX")]
    for one, next_one in pairwise(kept):
        os.closerange(one + 1, next_one)


def _forked_where_it_can_be(path: str, args: Sequence[Any], descriptors: Sequence[int]) -> int:
    """As spawnv_passfds of multiprocessing.util, but that the process workers are forked from is a fork of this one."""
    code = args[-1]
    if not code.startswith("from multiprocessing.forkserver import main;"):
        return int(_SPAWN(path, args, descriptors))
    pid = os.fork()
    if not pid:
        _close_all_but(descriptors)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        sys.stdout, sys.stderr, sys.unraisablehook = sys.__stdout__, sys.__stderr__, sys.__unraisablehook__
        multiprocessing.forkserver._forkserver.__init__()  # type: ignore[misc] # it is locked by who forked
        multiprocessing.resource_tracker._resource_tracker.__init__()  # type: ignore[misc]
        _end_with(partial(exec, code, {}))
    return pid


if __name__ == "__main__":
    load(sys.argv[2])
    shared.serve(socket.socket(fileno=int(sys.argv[1])), serve)
