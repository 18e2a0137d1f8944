"""Runs the policies on one account and region, in a process of its own, through c7n-org."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from c7n.resources import load_resources
from c7n_org import cli as c7n_org

from reporter import orphans
from reporter.accounts import prompts
from reporter.accounts.credentials import Credentials, error_code
from reporter.aws import calls, patience
from reporter.collect import looking_up, lookups, patches, staging
from reporter.custodian.resource_types import full_type
from reporter.output.manifest import GLOBAL_REGION, LEFT_OUT, Cell, Status
from reporter.redaction import redact

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


# Environment and log belong to the whole process; a worker of a cluster may have several threads.
_process_lock = threading.Lock()


@dataclass(frozen=True)
class Unit:
    """One account and region with the policies to run there: what a worker is handed.

    `region` is GLOBAL_REGION for what is asked of the account as a whole, in its region `home` then. `account` is the
    entry as c7n-org takes it; `output` the run's folder, or an s3:// URL as Custodian takes
    it; `scratch` is a folder of that folder to write in until a policy is through, empty for S3; `timeout` is how
    many seconds it may take. Without `credentials` the worker finds its own way into the account, as c7n-org does.
    """

    account: Mapping[str, Any]
    region: str
    policies: tuple[Mapping[str, Any], ...]
    output: str
    scratch: str
    timeout: float
    credentials: Credentials | None
    home: str = ""

    @property
    def asked_in(self) -> str:
        """The region whose endpoints are asked."""
        return self.home if self.region == GLOBAL_REGION else self.region

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
    return replace(cell, status=status, code=code, message=redact(error))


def start() -> None:
    """Make this process a worker of a run on this machine: Ctrl-C is its parent's to hear, whose end is its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    orphans.end_with_parent(staging.clear)


def run_unit(unit: Unit) -> list[Cell]:
    """Run each policy of the unit by itself, so that one that is refused costs its own cell only.

    Never raises for what AWS or Custodian say: that goes into the cells.
    """
    patches.install()
    staging.install()
    prompts.refuse()
    load_resources([full_type(policy["resource"]) for policy in unit.policies if not lookups.of(policy)])
    scratch = Path(unit.scratch) if unit.scratch else None
    with (
        _process_lock,
        _environment(unit),
        patience.unit_of(unit.timeout),
        calls.of_account(unit.account["account_id"]),
        _captured_errors() as captured,
        staging.into(scratch) as placed,
    ):
        # One time for all: what one of them has asked AWS, the others are told again.
        started = round(time.time(), 3)
        return [
            replace(_run_cell(unit, policy, cell, captured, placed), started=started)
            for policy, cell in zip(unit.policies, planned_cells(unit), strict=True)
        ]


def _run_cell(
    unit: Unit, policy: Mapping[str, Any], cell: Cell, captured: "_ErrorCapture", placed: list[str]
) -> Cell:
    account = dict(unit.account)
    if unit.credentials is not None:
        # They come from the environment then, as c7n-org itself does it for a chain of roles.
        account = {key: value for key, value in account.items() if key not in ("role", "profile")}
    captured.error, captured.left_out = None, False
    placed.clear()
    started, throttled = time.monotonic(), patches.throttled()
    try:
        with staging.tidy():
            if lookup := lookups.of(policy):
                found = looking_up.run(lookup, account, unit.region, unit.asked_in, unit.output)
                counts, success = {cell.policy: found}, True
            else:
                counts, success = c7n_org.run_account(
                    account,
                    unit.region,
                    {"policies": [dict(policy)]},
                    unit.output,
                    0,  # no cache of Custodian's own: see patches.py for the one there is
                    "",
                    False,  # metrics
                    True,  # dryrun: an audit never carries out a policy's actions
                    False,  # debug
                )
    except Exception as error:
        captured.error, counts, success = error, {}, False
    cell = replace(
        cell,
        seconds=round(time.monotonic() - started, 3),
        throttled=patches.throttled() - throttled,
    )
    if captured.error is not None:
        return failure(cell, staging.explained(captured.error))
    if not success:
        return replace(cell, status=Status.FAILED, message="c7n-org gave no reason")
    if captured.left_out:
        why = "the policy's region or conditions leave out this account or region"
        return replace(cell, code=LEFT_OUT, message=why)
    return replace(cell, status=Status.OK, resources=counts.get(cell.policy, 0))


class _ErrorCapture(logging.Handler):
    """c7n-org logs a policy's exception and drops it; this keeps it, and what Custodian logs as its only word on a
    policy that its conditions keep from running (c7n.policy.PolicyConditions.evaluate)."""

    error: BaseException | None = None
    left_out = False

    def emit(self, record: logging.LogRecord) -> None:
        self.left_out |= record.msg == "Skipping policy:%s due to execution conditions"
        error = sys.exc_info()[1]
        if error is not None:
            self.error = error


@contextmanager
def _captured_errors() -> Iterator[_ErrorCapture]:
    captured = _ErrorCapture()
    root = logging.getLogger()
    # As c7n-org's command line sets it: custodian-run.log holds the same lines.
    root.setLevel(logging.INFO)
    logging.raiseExceptions = False  # a log that cannot be written is told by the file that cannot be, too
    for name in ("botocore", "custodian.s3"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    logs = [logging.getLogger(name) for name in ("c7n_org", "custodian.policy")]
    for log in logs:
        log.addHandler(captured)
    try:
        yield captured
    finally:
        for log in logs:
            log.removeHandler(captured)


@contextmanager
def _environment(unit: Unit) -> Iterator[None]:
    """While the block runs, sign with the unit's credentials and no others, and wait throttling out.

    Standard mode waits longer each time, up to 20 seconds; a person's own choice of AWS_RETRY_MODE and
    AWS_MAX_ATTEMPTS stands. Custodian has retries of its own around that, for throttling alone.
    """
    before = dict(os.environ)
    umask = os.umask(0o077)  # a cluster's worker has one of its own; on this machine it is so already
    os.environ.setdefault("AWS_RETRY_MODE", "standard")
    os.environ.setdefault("AWS_MAX_ATTEMPTS", "6")
    os.environ.setdefault("AWS_DEFAULT_REGION", unit.asked_in)  # botocore asks for one to assume a role with
    if unit.credentials is not None:
        _sign_with(unit.credentials, unit.account)
    patches.forget()
    try:
        yield
    finally:
        patches.forget()
        os.environ.clear()
        os.environ.update(before)
        os.umask(umask)


def _sign_with(credentials: Credentials, account: Mapping[str, Any]) -> None:
    """Put them where botocore looks first, and leave it what else the way into the account says.

    A profile's settings (endpoint_url, ca_bundle, use_fips_endpoint, …) hold where c7n-org would name the profile,
    and so do those of the person's own profile where it would assume a role from there.
    """
    for name in ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"):
        os.environ.pop(name, None)
    if account.get("profile") and not account.get("role"):
        os.environ.pop("AWS_DEFAULT_PROFILE", None)  # botocore looks there before
        os.environ["AWS_PROFILE"] = account["profile"]
    os.environ["AWS_ACCESS_KEY_ID"] = credentials.access_key
    os.environ["AWS_SECRET_ACCESS_KEY"] = credentials.secret_key
    if credentials.token:
        os.environ["AWS_SESSION_TOKEN"] = credentials.token
