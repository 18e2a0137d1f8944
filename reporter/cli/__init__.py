"""The front door: options and exit codes, no logic."""

import os
import sys

import click

from reporter import __version__
from reporter.cli import accounts, policies, report, review, run
from reporter.cli.terminal import EXIT_INPUT, EXIT_OK, EXIT_PARTIAL, say, take_any_name
from reporter.errors import InputError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sg-audit")
def cli() -> None:
    """Audit security groups with Cloud Custodian policies, across accounts and regions, into a workbook.

    Exit codes: 0 done, everything planned was looked at; 1 done, and something is at or above --fail-on;
    2 the input is wrong; 3 done, but part of what was planned could not be looked at.
    """


for _command in (
    run.run,
    report.report,
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
    """Run the command line, and turn what is wrong with the input into one line and exit code 2."""
    os.umask(0o077)  # all that is written here describes a company's exposure: for its owner only
    take_any_name()
    try:
        code = cli(standalone_mode=False)
    except click.ClickException as error:
        say(f"sg-audit: {error.format_message()}")
        code = EXIT_INPUT
    except InputError as error:
        say(f"sg-audit: {error}")
        code = EXIT_INPUT
    except (click.Abort, KeyboardInterrupt):
        say("sg-audit: interrupted")
        code = EXIT_PARTIAL
    except Exception as error:
        if not _of_aws_configuration(error):
            raise
        say(f"sg-audit: the AWS configuration: {error}")
        code = EXIT_INPUT
    sys.exit(code if isinstance(code, int) else EXIT_OK)


def _of_aws_configuration(error: Exception) -> bool:
    """Whether botocore stumbled on the user's settings: it may do so as soon as c7n is imported."""
    botocore = sys.modules.get("botocore.exceptions")
    kinds = ("ConfigNotFound", "ConfigParseError", "ProfileNotFound")
    return bool(botocore) and isinstance(error, tuple(getattr(botocore, kind) for kind in kinds))
