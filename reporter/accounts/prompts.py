"""What asks the person on the way into an account: MFA codes, and programs that fetch credentials.

One at a time, named, and with nothing else on the terminal meanwhile. botocore would ask from as many threads as
open accounts, below the progress bar, and run a program without an end. Checked against botocore 1.43:

- `botocore.credentials.AssumeRoleProvider.__init__`: what asks for the code.
- `botocore.credentials.ProcessProvider.__init__`: what runs a profile's `credential_process`.
"""

import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, partial
from pathlib import Path
from typing import Any

from reporter.aws import patience
from reporter.aws.replacing import replace
from reporter.redaction import without_controls

#: How long a profile's program may take, which may ask the person something itself.
PROCESS_SECONDS = 300.0

_TERMINAL = Path("/dev/tty")

_turn = threading.RLock()
_of = threading.local()


class PromptError(Exception):
    """A profile asks for something that nobody is there to give, or takes too long over it."""


def _say_nothing(line: str) -> None:
    pass


_say: Callable[[str], None] = _say_nothing
_alone: Callable[[], AbstractContextManager[Any]] = nullcontext
_somebody_there = True


def install(
    say: Callable[[str], None], alone: Callable[[], AbstractContextManager[Any]] = nullcontext
) -> None:
    """Ask the person who runs this process: `say` prints a line, `alone` keeps the terminal free for a block."""
    global _say, _alone
    _say, _alone = say, alone
    _install()


def refuse() -> None:
    """Ask nobody: this is a worker, of which there may be many, and elsewhere."""
    global _somebody_there
    _somebody_there = False
    _install()


@contextmanager
def for_account(name: str) -> Iterator[None]:
    """What this thread asks meanwhile is for the account of that name."""
    _of.account = name
    try:
        yield
    finally:
        _of.account = ""


@cache
def _install() -> None:
    replace("botocore.credentials:AssumeRoleProvider.__init__", _ask_for_code)
    replace("botocore.credentials:ProcessProvider.__init__", _run_in_turn)


def _ask_for_code(original: Callable[..., Any]) -> Callable[..., Any]:
    def init(self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        self._prompter = partial(_code, self._profile_name)

    return init


def _run_in_turn(original: Callable[..., Any]) -> Callable[..., Any]:
    def init(self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        self._popen = partial(_Process, self._profile_name)

    return init


def _who(profile: str) -> str:
    account = getattr(_of, "account", "")
    return without_controls(f"profile {profile}" + (f" (account {account})" if account else ""))


def _code(profile: str, prompt: str) -> str:
    """The code that the person types. It shows: it is of no use to anyone once it is sent."""
    if not _somebody_there:
        raise PromptError(
            f"{_who(profile)} asks for an MFA code, which a worker cannot: log in first, and name a profile "
            "that holds the credentials"
        )
    with patience.not_counted(), _turn, _alone():
        try:
            with _TERMINAL.open("w", encoding="utf-8") as screen, _TERMINAL.open(encoding="utf-8") as keys:
                screen.write(f"{_who(profile)}: {without_controls(prompt)}")
                screen.flush()
                return keys.readline().strip()
        except OSError:
            raise PromptError(
                f"{_who(profile)} asks for an MFA code, and there is no terminal to type it on"
            ) from None


class _Process:
    """What botocore runs a profile's program with, in the way of subprocess.Popen."""

    def __init__(self, profile: str, command: Sequence[str], **options: Any) -> None:
        self._profile, self._command, self._options = profile, command, options
        self.returncode: int | None = None

    def communicate(self) -> tuple[bytes, bytes]:
        with patience.not_counted(), _turn, _alone():
            _say(f"{_who(self._profile)}: waiting for its credential_process")
            with subprocess.Popen(self._command, **self._options) as process:  # noqa: S603 - the person's own
                try:
                    output, errors = process.communicate(timeout=PROCESS_SECONDS)
                except subprocess.TimeoutExpired:
                    raise PromptError(
                        f"{_who(self._profile)}: its credential_process took longer than "
                        f"{PROCESS_SECONDS:g} seconds"
                    ) from None
                finally:
                    process.kill()
            self.returncode = process.returncode
            return output, errors
