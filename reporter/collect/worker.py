"""Runs the policies on one account and region, in a process of its own, through c7n-org."""

import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
from c7n.utils import reset_session_cache
from c7n_org import cli as c7n_org

from reporter.collect import outside
from reporter.collect.credentials import Credentials, error_code
from reporter.manifest import Cell, Status

# The cache is a unit's own and goes with it, so it only must not run out on the way.
_CACHE_MINUTES = 24 * 60

# What AWS answers when it means "no", by service and by reason.
_DENIALS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "AuthorizationError",
        "Client.UnauthorizedOperation",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "NotAuthorized",
        "OptInRequired",
        "RegionDisabledException",
        "SignatureDoesNotMatch",
        "SubscriptionRequiredException",
        "UnauthorizedAccess",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)


@dataclass(frozen=True)
class Unit:
    """One account and region with the policies to run there: what a worker is handed.

    `account` is the entry as c7n-org takes it, `output` the run's folder, `cache` a folder of the run's
    own.
    """

    account: Mapping[str, Any]
    region: str
    policies: tuple[Mapping[str, Any], ...]
    output: str
    cache: str
    credentials: Credentials

    @property
    def label(self) -> str:
        """For people: account and region."""
        return f"{self.account['name']} {self.region}"


def planned_cells(unit: Unit) -> list[Cell]:
    """The unit's cells before anything was tried, in file order."""
    return [
        Cell(unit.account["name"], unit.account["account_id"], unit.region, policy["name"])
        for policy in unit.policies
    ]


def failure(cell: Cell, error: BaseException, status: Status | None = None) -> Cell:
    """The cell with the error that kept it from being read."""
    code = error_code(error)
    if status is None:
        status = Status.DENIED if code in _DENIALS else Status.FAILED
    return replace(cell, status=status, code=code, message=" ".join(str(error).split()))


def start() -> None:
    """Make this process a worker: Ctrl-C is its parent's to hear, and throttling is waited out.

    Standard mode waits longer each time, up to 20 seconds; a person's own choice of AWS_RETRY_MODE and
    AWS_MAX_ATTEMPTS stands. Custodian has retries of its own around that, for throttling alone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.setdefault("AWS_RETRY_MODE", "standard")
    os.environ.setdefault("AWS_MAX_ATTEMPTS", "6")
    outside.install()


def recovered(output: Path, cell: Cell) -> Cell:
    """The cell as its files tell, its worker being gone: Custodian writes metadata.json last."""
    folder = output / cell.account / cell.region / cell.policy
    try:
        msgspec.json.decode((folder / "metadata.json").read_bytes())
        resources = msgspec.json.decode((folder / "resources.json").read_bytes(), type=list[msgspec.Raw])
    except (OSError, msgspec.DecodeError):
        return cell
    return replace(cell, status=Status.OK, resources=len(resources))


def run_unit(unit: Unit) -> list[Cell]:
    """Run each policy of the unit by itself, so that one that is refused costs its own cell only.

    Never raises for what AWS or Custodian say: that goes into the cells.
    """
    # Two entries of the accounts file may name one account, so the cache is told by the entry's name.
    cache = Path(unit.cache, unit.account["name"], unit.region)
    cache.mkdir(parents=True, exist_ok=True)
    with _signing_as(unit.credentials), _listening() as heard:
        try:
            return [
                _run_cell(unit, policy, cell, heard, cache)
                for policy, cell in zip(unit.policies, planned_cells(unit), strict=True)
            ]
        finally:
            shutil.rmtree(cache, ignore_errors=True)


def _run_cell(unit: Unit, policy: Mapping[str, Any], cell: Cell, heard: "_Heard", cache: Path) -> Cell:
    # Credentials come from the environment, as c7n-org itself does it for a chain of roles.
    account = {key: value for key, value in unit.account.items() if key not in ("role", "profile")}
    folder = Path(unit.output, cell.account, cell.region, cell.policy)
    shutil.rmtree(folder, ignore_errors=True)  # what an earlier try of this run may have left
    heard.error = None
    started, throttled = time.monotonic(), outside.throttled()
    try:
        counts, success = c7n_org.run_account(
            account,
            unit.region,
            {"policies": [dict(policy)]},
            unit.output,
            _CACHE_MINUTES,
            str(cache),
            False,  # metrics
            True,  # dryrun: an audit never carries out a policy's actions
            False,  # debug
        )
    except Exception as error:
        heard.error, counts, success = error, {}, False
    cell = replace(
        cell,
        seconds=round(time.monotonic() - started, 3),
        throttled=outside.throttled() - throttled,
    )
    if heard.error is not None:
        return failure(cell, heard.error)
    if not success:
        return replace(cell, status=Status.FAILED, message="c7n-org gave no reason")
    if not (folder / "resources.json").exists():
        return replace(cell, message="the policy's conditions leave out this account or region")
    return replace(cell, status=Status.OK, resources=counts.get(cell.policy, 0))


class _Heard(logging.Handler):
    """c7n-org logs a policy's exception and drops it; this keeps it."""

    error: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            self.error = error


@contextmanager
def _listening() -> Iterator[_Heard]:
    heard = _Heard()
    root, log = logging.getLogger(), logging.getLogger("c7n_org")
    # As c7n-org's command line sets it: custodian-run.log holds the same lines.
    root.setLevel(logging.INFO)
    for name in ("botocore", "custodian.s3"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    log.addHandler(heard)
    try:
        yield heard
    finally:
        log.removeHandler(heard)


@contextmanager
def _signing_as(credentials: Credentials) -> Iterator[None]:
    """Sign with these credentials and no others while the block runs."""
    before = dict(os.environ)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"):
        os.environ.pop(name, None)
    os.environ["AWS_ACCESS_KEY_ID"] = credentials.access_key
    os.environ["AWS_SECRET_ACCESS_KEY"] = credentials.secret_key
    if credentials.token:
        os.environ["AWS_SESSION_TOKEN"] = credentials.token
    reset_session_cache()
    try:
        yield
    finally:
        reset_session_cache()
        os.environ.clear()
        os.environ.update(before)
