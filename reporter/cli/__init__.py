"""The front door: options and exit codes, no logic."""

import errno
import os
import signal
import sys
import traceback
from pathlib import Path

import click

from reporter import __version__, garbage_collection
from reporter.cli import accounts, compare, policies, publish, query, remedy, report, review, run, terminal
from reporter.cli.terminal import EXIT_INPUT, EXIT_INTERNAL, EXIT_OK, EXIT_PARTIAL, say
from reporter.errors import InputError
from reporter.redaction import redact


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sg-audit")
def cli() -> None:
    """Audit security groups with Cloud Custodian policies, across accounts and regions, into a workbook.

    Exit codes: 0 done, everything planned was looked at; 1 done, and something is at or above --fail-on;
    2 the input is wrong; 3 done, but part of what was planned could not be looked at; 4 a fault of the program.
    """


for _command in (
    run.run,
    report.report,
    query.query,
    compare.compare,
    remedy.remedy,
    publish.publish,
    run.audit,
    run.demo,
    run.sandbox,
    policies.validate,
    review.review,
    policies.test_policies,
    policies.print_policies,
    policies.permissions,
    accounts.accounts,
):
    cli.add_command(_command)


def main() -> None:
    """Run the command line, and turn whatever ends it early into one line and an exit code."""
    os.umask(0o077)  # all that is written here describes a company's exposure: for its owner only
    garbage_collection.seldom()
    terminal.prepare()
    _end_by_signals()
    try:
        code = cli(standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:
        code = _explained(error)
    terminal.finish()
    garbage_collection.leave_to_the_end()
    sys.exit(code if isinstance(code, int) else EXIT_OK)


def _explained(error: BaseException) -> int:
    """Say in one line what ended the command, and return the exit code for it."""
    match error:
        case SystemExit():
            return error.code if isinstance(error.code, int) else EXIT_OK
        case InputError():
            for line in error.args:
                say(f"sg-audit: {line}")
            return EXIT_INPUT
        case click.ClickException():
            line, code = error.format_message(), EXIT_INPUT
        case click.Abort() | KeyboardInterrupt():
            line, code = "interrupted", EXIT_PARTIAL
        case OSError() if error.errno in _REFUSALS:
            line, code = _refusal(error), EXIT_INPUT
        case _ if _of_aws_configuration(error):
            line, code = f"the AWS configuration: {redact(error)}", EXIT_INPUT
        case _:
            from reporter import internal_error

            line, code = internal_error.told(error), EXIT_INTERNAL
    say(f"sg-audit: {line}")
    return code


# What a machine says no with, to any program: no room, no permission, no more files.
_REFUSALS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN),
}


def _refusal(error: OSError) -> str:
    reason = error.strerror or os.strerror(error.errno or 0)
    return f"{error.filename}: {reason}" if error.filename else reason


def _end_by_signals() -> None:
    """Let a run that is told to end, or whose terminal is closed, end as by Ctrl-C: what it finished is kept."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # not under nohup
            signal.signal(number, signal.default_int_handler)


def _of_aws_configuration(error: BaseException) -> bool:
    """Whether botocore stumbled on the user's settings: it may do so as soon as c7n is imported.

    As it makes a client, nothing but settings can be wrong, and it raises what Python does, too.
    """
    botocore = sys.modules.get("botocore.exceptions")
    kinds = ("ConfigNotFound", "ConfigParseError", "ProfileNotFound")
    if botocore and isinstance(error, tuple(getattr(botocore, kind) for kind in kinds)):
        return True
    codes = (frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(
        code.co_name == "create_client" and "botocore" in Path(code.co_filename).parts for code in codes
    )
