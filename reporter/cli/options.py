"""The options that commands share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from reporter.cli.terminal import say
from reporter.errors import InputError
from reporter.names import file_stem, printable, split

PARTITIONS = ("account_id", "region")
LEVELS = ("reachable-critical", "critical", "high", "medium", "low")


class _Path(click.Path):
    """A path, whether or not it is there."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Raises InputError for what can be no path here: too long, a circle of links, or out of reach."""
        path: Any = super().convert(value, param, ctx)
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return path  # who needs it says so
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
        return path


class _Place(click.Path):
    """A folder, whether or not it is there, or s3://bucket/prefix."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the Store. Raises InputError for what can be neither."""
        from reporter.output.store import Folder, open_store

        place = open_store(value, param.opts[0] if param else "")
        if isinstance(place, Folder):
            PATH.convert(value, param, ctx)
        return place


def _stem(context: click.Context, option: click.Parameter, given: str | None) -> str:
    """Raises InputError for what no file can be called."""
    if given is None:
        return ""
    try:
        return file_stem(given)
    except ValueError as error:
        raise InputError(f"{option.opts[0]} {printable(given)}: {error}") from None


PATH = _Path()
DEFAULT_POLICIES = Path("policies")


def comma_names(context: click.Context, option: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    """Names, each of which may be several with commas between, as c7n-org takes them.

    Raises InputError where what is chosen is nothing, as by a variable that is not set.
    """
    names = split(given)
    if given and not names:
        raise InputError(f"{option.opts[0]}: give a name")
    return names


def _or_packaged(context: click.Context, option: click.Parameter, given: Sequence[Path]) -> tuple[Path, ...]:
    """The policies of the folder `policies` where none are named, or those that come with the package."""
    if given:
        return tuple(given)
    if DEFAULT_POLICIES.exists():
        return (DEFAULT_POLICIES,)
    from reporter.custodian import packaged

    say(f"no -u, and no folder {DEFAULT_POLICIES} here: taking the policies that come with sg-audit")
    return (packaged.folder(),)


def _packaged_unless_waivers(
    context: click.Context, option: click.Parameter, given: Sequence[Path]
) -> tuple[Path, ...]:
    """No policies where there is a file of waivers and no policies are named: it is checked alone."""
    return () if context.params.get("waivers_file") and not given else _or_packaged(context, option, given)


def _packaged_unless_of_a_command(
    context: click.Context, option: click.Parameter, given: Sequence[Path]
) -> tuple[Path, ...]:
    """No policies where none are named and what a command needs is asked for, which is the same for all policies."""
    of_a_command = context.params.get("remedy") or context.params.get("publish")
    return () if of_a_command and not given else _or_packaged(context, option, given)


def _address(context: click.Context, option: click.Parameter, given: str | None) -> str | None:
    """Raises InputError where it is nothing, as by a variable that is not set."""
    if given is not None and not given.strip():
        raise InputError(f"{option.opts[0]}: give the address of a scheduler: tcp://host:8786")
    return given


def resuming() -> str:
    """The command that takes up the run of this one: `audit`, which makes the report as well, but after `run`."""
    command = click.get_current_context().info_name
    return f"sg-audit {'run' if command == 'run' else 'audit'} --resume"


def together(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several options as one."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


accounts_file = click.option(
    "-c", "--config", "accounts_file", type=PATH, required=True, help="Accounts file, in c7n-org's format."
)


def _policy_sources(callback: Callable[[Any, Any, Any], Any]) -> Callable[[Any], Any]:
    return click.option(
        "-u", "--use", "sources", type=PATH, multiple=True, callback=callback,
        help="Policy file, or folder of them; repeatable.  [default: policies; where there is no such folder, "
        "those that come with sg-audit]",
    )  # fmt: skip


policy_sources = _policy_sources(_or_packaged)
only_policies = click.option(
    "-p", "--policy", "only", multiple=True, callback=comma_names, help="Only this policy; repeatable."
)
only_resources = click.option(
    "--resource",
    "resources",
    multiple=True,
    callback=comma_names,
    help="Only policies on this type; repeatable.",
)
output_place = click.option(
    "-s", "--output-dir", "output", default="output", show_default=True,
    help="Folder of runs; or s3://bucket/prefix, to run into.",
)  # fmt: skip
only_accounts = click.option(
    "-a", "--accounts", "names", multiple=True, callback=comma_names,
    help="Only this account, by name or id; repeatable. The report has nothing of the others.",
)  # fmt: skip
allowed_regions = click.option(
    "--allow-region", "allowed_regions", metavar="REGION", multiple=True, callback=comma_names,
    help="Take this region though sg-audit does not know it, being newer; repeatable.",
)  # fmt: skip
unit_timeout = click.option(
    "--unit-timeout", type=click.FloatRange(min=1), default=600, show_default=True, metavar="SECONDS",
    help="How long an account and region may take; what it did not answer by then is failed.",
)  # fmt: skip
choice = together(
    click.option(
        "-a", "--accounts", "names", multiple=True, help="Only this account, by name or id; repeatable."
    ),
    click.option("-t", "--tags", multiple=True, help="Only accounts with this tag; repeatable."),
    click.option(
        "-r", "--region", "regions", multiple=True, help="These regions instead of the file's, or all."
    ),
    allowed_regions,
    only_policies,
)
iam = click.option(
    "--iam", is_flag=True,
    help="Also ask each account for its roles and what they are allowed: who stands behind an open port.",
)  # fmt: skip
lookups = together(
    iam,
    click.option(
        "--access-analyzer", is_flag=True,
        help="--iam: also ask each region's Access Analyzer for its findings on those roles.",
    ),
)  # fmt: skip
_max_waiver_days = click.option(
    "--max-waiver-days", type=click.IntRange(min=0), metavar="N",
    help="A waiver that ends later than in so many days is an error.",
)  # fmt: skip
_at = click.option(
    "--at", metavar="TIME", default="", help="The newest at or before 2026-11-20, or 2026-11-20T14, in UTC."
)
any_output = together(
    click.option(
        "-s", "--output-dir", "output", metavar="WHERE", default="output", show_default=True,
        help="A folder or s3://bucket/prefix: runs of sg-audit, or what stock custodian or c7n-org wrote.",
    ),
    _at,
)  # fmt: skip
own_output = together(
    click.option(
        "-s", "--output-dir", "output", metavar="WHERE", default="output", show_default=True,
        help="A folder or s3://bucket/prefix: runs of sg-audit, or one of them.",
    ),
    _at,
)  # fmt: skip
waivers = together(
    click.option(
        "-w", "--waivers", "waivers_file", type=PATH,
        help="File of waivers: findings that are accepted.  [default: waivers.yml beside the accounts file, if there]",
    ),
    _max_waiver_days,
)  # fmt: skip
read_choice = together(
    any_output,
    click.option(
        "-c", "--config", "accounts_file", type=PATH,
        help="Accounts file: names and tags of the accounts, and what a stock run should hold.",
    ),
    waivers,
    only_accounts,
    only_policies,
    only_resources,
    click.option(
        "--field", "fields", metavar="NAME=JMESPATH", multiple=True, help="A column more; repeatable."
    ),
)  # fmt: skip
policies_or_waivers = together(
    click.option(
        "-w", "--waivers", "waivers_file", type=PATH, is_eager=True,
        help="File of waivers to check, alone where no -u is given.",
    ),
    _max_waiver_days,
    _policy_sources(_packaged_unless_waivers),
)  # fmt: skip
policies_or_command = _policy_sources(_packaged_unless_of_a_command)
policy_timeout = click.option(
    "--policy-timeout", type=click.IntRange(min=1), default=60, show_default=True, metavar="SECONDS",
    help="What a policy may take in all; all of them together may take five times that.",
)  # fmt: skip
resume = click.option(
    "--resume", is_flag=True, help="Take up the newest run where it stopped: try only what was not read."
)
scheduler = click.option(
    "--scheduler",
    metavar="ADDRESS",
    callback=_address,
    help="Have a Dask cluster do the work: tcp://host:8786.",
)
history = click.option(
    "--history", metavar="WHERE", default="",
    help="Where the earlier runs are: a folder, or s3://bucket/prefix.  [default: where the run lies]",
)  # fmt: skip
report_files = together(
    history,
    click.option(
        "-o",
        "--reports",
        "place",
        type=_Place(),
        metavar="WHERE",
        default="reports",
        show_default=True,
        help="Folder for the report, or s3://bucket/prefix.",
    ),
    click.option(
        "--stem",
        metavar="NAME",
        callback=_stem,
        help="Call the files NAME from run to run, in the place of the last ones.  [default: the time in UTC]",
    ),
    click.option(
        "-f",
        "--format",
        "formats",
        multiple=True,
        default=["xlsx"],
        show_default=True,
        help="xlsx, html, csv, json, parquet, duckdb, prometheus, asff, ocsf, or one that an installed package adds; "
        "repeatable.",
    ),
    click.option("--csv-bom", is_flag=True, help="-f csv: with a byte order mark, which Excel looks for."),
    click.option(
        "--partition",
        type=click.Choice(PARTITIONS),
        multiple=True,
        help="-f parquet: a folder a table, split by this, as Athena and other warehouses have it; repeatable.",
    ),
    click.option(
        "--carry",
        metavar="FILE.xlsx",
        type=PATH,
        help="-f xlsx: take over what auditors wrote into the last report's workbook.",
    ),
    click.option(
        "--summary",
        "summary",
        metavar="FILE",
        type=PATH,
        help="Also write what a report says first, a page of Markdown, into FILE in the place of what is there; or at "
        "the end of it where it is the file of $GITHUB_STEP_SUMMARY.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(LEVELS),
        help="Exit with 1 where a group's risk is, or may be, this or worse.",
    ),
)
