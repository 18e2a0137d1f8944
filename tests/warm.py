"""Runs the command line many times in little time: `python warm.py`, fed on stdin, a JSON object a line.

{"args": [...], "env": {...}, "cwd": "..."} is answered by {"code": 0, "stdout": "...", "stderr": "..."}. Each
run is a process of its own, forked from this one, which has imported what takes a second to import and done
nothing else. So a run starts just where a cold one would be once its imports are through.
"""

import gc
import json
import os
import signal
import sys
import tempfile
from types import ModuleType
from typing import Any

from c7n.resources import load_resources

import reporter.accounts.chosen
import reporter.collect.run
import reporter.custodian.permissions
import reporter.custodian.policies
import reporter.inventory.audit
import reporter.policytests.check
import reporter.progress
import reporter.report.closing
import reporter.report.failing
import reporter.report.formats.csv
import reporter.report.formats.json
import reporter.report.formats.xlsx
import reporter.report.writing
import reporter.review.compare  # noqa: F401
from reporter import cli

_LIMIT_SECONDS = 200  # a run that hangs is a test that fails, and no suite that never ends


def run(args: list[str], env: dict[str, str], cwd: str) -> dict[str, Any]:
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if not child:
            _be(args, env, cwd, out.fileno(), err.fileno())
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        return {"code": os.waitstatus_to_exitcode(status), "stdout": out.read(), "stderr": err.read()}


def _be(args: list[str], env: dict[str, str], cwd: str, out: int, err: int) -> None:
    """Become the run."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    signal.alarm(_LIMIT_SECONDS)
    sys.argv = ["sg-audit", *args]
    sys.modules["__main__"] = ModuleType("__main__")  # else workers would load this file
    code = 1
    try:
        cli.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    # What this project's policies are on.
    load_resources(
        ["aws.security-group", "aws.eni", "aws.ec2", "aws.subnet", "aws.lambda", "aws.batch-compute"]
    )
    gc.collect()
    gc.freeze()  # else each run looks through all of this, and copies the pages of it
    for line in sys.stdin:
        print(json.dumps(run(**json.loads(line))), flush=True)
