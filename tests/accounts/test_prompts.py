"""What asks the person on the way in: one at a time, named, and with the terminal to itself."""

import errno
import json
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reporter.accounts import prompts
from reporter.sandbox import environment
from tests.lab import POLICIES, Lab, role

ROOT = Path(__file__).parents[2]
ONE, TWO, THREE, FOUR = (f"{number:012d}" for number in range(301, 305))
SERIAL = "arn:aws:iam::123456789012:mfa/someone"

# Says when it begins and ends; there is time for another one to begin in between.
PROGRAM = """\
import json, sys, time
log = open(sys.argv[1], "a", buffering=1)
log.write(f"begin {sys.argv[2]}\\n")
time.sleep(0.3)
log.write(f"end {sys.argv[2]}\\n")
print(json.dumps({"Version": 1, "AccessKeyId": sys.argv[3], "SecretAccessKey": "s" * 40, "SessionToken": "t"}))
"""


@pytest.fixture
def desk(lab: Lab) -> Lab:
    """Two accounts that ask for an MFA code, and two whose credentials a program fetches."""
    aws = lab.home / ".aws"
    aws.mkdir(exist_ok=True)
    (lab.home / "program.py").write_text(PROGRAM)
    program = f"{sys.executable} {lab.home / 'program.py'} {lab.home / 'program.log'}"
    config = "".join(
        f"[profile mfa-{account}]\nrole_arn = {role(account)}\nsource_profile = base\nmfa_serial = {SERIAL}\n"
        for account in (ONE, TWO)
    )
    config += "".join(
        f"[profile program-{account}]\ncredential_process = {program} {account} AKIAPROGRAM00000000{account[-1]}\n"
        for account in (THREE, FOUR)
    )
    (aws / "config").write_text(config)
    (aws / "credentials").write_text(
        "[base]\naws_access_key_id = AKIABASE000000000001\naws_secret_access_key = verysecretkey123\n"
    )
    entries = [
        {"name": f"a-{account}", "account_id": account, "profile": f"mfa-{account}"} for account in (ONE, TWO)
    ]
    # moto has one account for all keys that it did not hand out.
    entries += [
        {"name": f"a-{account}", "account_id": "123456789012", "profile": f"program-{account}"}
        for account in (THREE, FOUR)
    ]
    lab.accounts(*({**entry, "regions": ["us-east-1"]} for entry in entries))
    lab.wire.calls.clear()
    return lab


def command(desk: Lab) -> tuple[list[str], dict[str, str]]:
    words = ["run", "-c", desk.folder / "accounts.yml", "-s", desk.output, "-u", POLICIES, "-p", "sg-default"]
    env = environment(desk.wire.endpoint, desk.home) | {
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm",
        "COLUMNS": "200",
    }
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del env[name]
    return [sys.executable, "-m", "reporter", *map(str, words)], env


def at_a_terminal(desk: Lab, answers: list[str]) -> tuple[int, str]:
    """Run it at a terminal of its own, and type an answer at each prompt; its exit and all that it showed."""
    arguments, env = command(desk)
    child, terminal = pty.fork()
    if not child:
        os.chdir(desk.folder)
        os.execve(arguments[0], arguments, env)
    shown, deadline = "", time.monotonic() + 120
    try:
        while time.monotonic() < deadline:
            try:
                part = os.read(terminal, 65536)
            except OSError as error:
                assert error.errno == errno.EIO  # the other end is closed
                break
            if not part:
                break
            shown += part.decode()
            if answers and shown.endswith(": ") and shown.count(SERIAL) == shown.count("typed") + 1:
                time.sleep(0.5)  # in which a bar would draw itself anew, and a second prompt come
                os.set_blocking(terminal, False)
                try:
                    more = os.read(terminal, 65536)
                except BlockingIOError:
                    more = b""
                os.set_blocking(terminal, True)
                assert more == b"", "something is shown while a person is asked"
                shown += "typed "
                os.write(terminal, f"{answers.pop(0)}\n".encode())
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def test_each_is_asked_by_itself_and_by_name(desk: Lab) -> None:
    code, shown = at_a_terminal(desk, ["111111", "222222"])
    assert code == 0, shown
    prompted = re.findall(rf"profile mfa-(\d+) \(account a-\1\): Enter MFA code for {SERIAL}: typed", shown)
    assert sorted(prompted) == [ONE, TWO]
    sent = {
        call.params["RoleArn"]: call.params.get("TokenCode")
        for call in desk.wire.of("AssumeRole")
        if "TokenCode" in call.params
    }
    assert sent == {role(prompted[0]): "111111", role(prompted[1]): "222222"}
    for account in (THREE, FOUR):
        assert f"profile program-{account} (account a-{account}): waiting for its credential_process" in shown
    lines = (desk.home / "program.log").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["begin", "end"] * 2
    assert lines[0].split()[1] == lines[1].split()[1] != lines[2].split()[1]


def test_without_a_terminal_nobody_is_asked(desk: Lab) -> None:
    arguments, env = command(desk)
    done = subprocess.run(
        arguments, env=env, cwd=desk.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    run = json.loads((Path(done.stdout.strip()) / "run.json").read_text())
    assert {cell["account"]: cell["message"] for cell in run["cells"] if cell["status"] != "ok"} == {
        f"a-{account}": f"profile mfa-{account} (account a-{account}) asks for an MFA code, "
        "and there is no terminal to type it on"
        for account in (ONE, TWO)
    }


def test_a_program_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "PROCESS_SECONDS", 0.2)
    process = prompts._Process(
        "slow", ["sh", "-c", "sleep 60; sleep 60"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with pytest.raises(
        prompts.PromptError, match=r"profile slow: its credential_process took longer than 0.2"
    ):
        process.communicate()


def test_a_worker_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "_somebody_there", False)
    with pytest.raises(prompts.PromptError, match="profile base asks for an MFA code, which a worker cannot"):
        prompts._code("base", "Enter")
