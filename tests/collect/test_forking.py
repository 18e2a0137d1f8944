"""The process that workers are forked from, which imports what is installed and not what lies in the working folder;
and what a run leaves behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.programs import Warm

ROOT = Path(__file__).parents[2]

SCRIPT = """
import json, os, sys
from reporter.collect import forking

def tell(told):
    modules = [name for name in ("c7n", "reporter.collect.worker", "reporter.cli") if name in sys.modules]
    told.send([modules, sys.modules["c7n"].__file__, os.environ.get("PYTHONSAFEPATH")])

if __name__ == "__main__":
    with forking.loading():
        pass
    heard, told = forking.context().Pipe()
    worker = forking.context().Process(target=tell, args=[told])
    worker.start()
    print(json.dumps([*heard.recv(), os.environ.get("PYTHONSAFEPATH")]))
    worker.join()
"""


def test_workers_begin_with_what_is_installed(tmp_path: Path) -> None:
    script, cwd = tmp_path / "bin" / "script.py", tmp_path / "cwd"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    cwd.mkdir()
    (cwd / "c7n.py").write_text("")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, script],
        env=env | {"PYTHONPATH": str(ROOT)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    modules, c7n, of_worker, of_script = json.loads(done.stdout)
    assert modules == ["c7n", "reporter.collect.worker"]
    assert Path(c7n).parts[-2:] == ("c7n", "__init__.py")
    # What a worker starts, as the program of a profile, is not to be begun in another way than ever.
    assert (of_worker, of_script) == (None, None)


AFTER_A_RUN = """
import sys, threading
from reporter.cli import main
sys.argv = ["sg-audit", "run", "-c", {accounts!r}, "-p", "sg-default", "-s", {runs!r}]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
print([thread.name for thread in threading.enumerate()])
"""


def test_a_run_leaves_no_thread_so_that_its_report_can_fork(
    warm: Warm, clean_env: dict[str, str], estate_accounts: Path, tmp_path: Path
) -> None:
    code = AFTER_A_RUN.format(accounts=str(estate_accounts), runs=str(tmp_path / "runs"))
    done = warm.python(code, env=clean_env, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "['MainThread']"
