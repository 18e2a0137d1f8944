"""What the steps of workflows need: programs that the machines of GitHub have, and what sg-audit says there."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from reporter.sandbox import environment
from tests.programs import Completed

from . import steps


@pytest.fixture(autouse=True)
def _programs(request: pytest.FixtureRequest) -> None:
    missing = [program for program in ("bash", "jq") if not shutil.which(program)]
    if missing and request.path.name != "test_lint.py":
        pytest.skip(f"the steps of workflows need {' and '.join(missing)}")


@pytest.fixture
def sg_audit_itself(
    command_line: Callable[..., Completed], tmp_path_factory: pytest.TempPathFactory
) -> steps.SgAudit:
    """sg-audit on what lies on the disk: no AWS can be reached."""
    env = environment("http://127.0.0.1:9", tmp_path_factory.mktemp("home"))

    def run(words: list[str], cwd: Path, given: Mapping[str, str]) -> tuple[int, str, str]:
        done = command_line(*words, env=env, cwd=cwd)
        return done.returncode, done.stdout, done.stderr

    return run
