"""The front door: options and exit codes, no logic."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from reporter import __version__
from reporter.errors import InputError
from reporter.garbage import nothing_to_collect

if TYPE_CHECKING:
    from reporter.audit import Audit

EXIT_OK, EXIT_FOUND, EXIT_INPUT, EXIT_PARTIAL = 0, 1, 2, 3
LEVELS = ("critical", "high", "medium", "low")

_console = Console(stderr=True)
_PATH = click.Path(path_type=Path)


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_accounts = click.option(
    "-c", "--config", "accounts_file", type=_PATH, required=True, help="Accounts file, in c7n-org's format."
)
_policies = click.option(
    "-u", "--use", "sources", type=_PATH, multiple=True, default=["policies"], show_default=True,
    help="Policy file, or folder of them; repeatable.",
)  # fmt: skip
_output = click.option(
    "-s", "--output-dir", "output", default="output", show_default=True,
    help="Folder of runs; or s3://bucket/prefix, to run into.",
)  # fmt: skip
_choice = _options(
    click.option(
        "-a", "--accounts", "names", multiple=True, help="Only this account, by name or id; repeatable."
    ),
    click.option("-t", "--tags", multiple=True, help="Only accounts with this tag; repeatable."),
    click.option(
        "-r", "--region", "regions", multiple=True, help="These regions instead of the file's, or all."
    ),
    click.option("-p", "--policy", "only", multiple=True, help="Only this policy; repeatable."),
)
_resume = click.option(
    "--resume", is_flag=True, help="Take up the newest run where it stopped: try only what was not read."
)
_scheduler = click.option(
    "--scheduler", metavar="ADDRESS", help="Have a Dask cluster do the work: tcp://host:8786."
)
_report = _options(
    click.option(
        "-o", "--reports", type=_PATH, default="reports", show_default=True, help="Folder for the report."
    ),
    click.option(
        "-f",
        "--format",
        "formats",
        multiple=True,
        default=["xlsx"],
        show_default=True,
        help="xlsx, csv, json, parquet, or one that an installed package adds; repeatable.",
    ),
    click.option(
        "--fail-on", type=click.Choice(LEVELS), help="Exit with 1 where a group's risk is this or worse."
    ),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sg-audit")
def cli() -> None:
    """Audit security groups with Cloud Custodian policies, across accounts and regions, into a workbook.

    Exit codes: 0 done, everything planned was looked at; 1 done, and something is at or above --fail-on;
    2 the input is wrong; 3 done, but part of what was planned could not be looked at.
    """


@cli.command()
@_accounts
@_policies
@_output
@_choice
@_resume
@_scheduler
def run(accounts_file: Path, sources: tuple[Path, ...], output: str, **choice: Any) -> int:
    """Run the policies on every account and region, into a folder of its own below the output folder."""
    folder, whole, _ = _run(accounts_file, sources, output, **choice)
    click.echo(folder)
    return EXIT_OK if whole else EXIT_PARTIAL


@cli.command()
@click.option(
    "-s", "--output-dir", "output", metavar="WHERE", default="output", show_default=True,
    help="A folder or s3://bucket/prefix: runs of sg-audit, or what stock custodian or c7n-org wrote.",
)  # fmt: skip
@click.option(
    "--at", metavar="TIME", default="", help="The newest at or before 2026-11-20, or 2026-11-20T14, in UTC."
)
@click.option(
    "-c", "--config", "accounts_file", type=_PATH,
    help="Accounts file: names and tags of the accounts, and what a stock run should hold.",
)  # fmt: skip
@click.option("-p", "--policy", "only", multiple=True, help="Only this policy; repeatable.")
@click.option("--resource", "resources", multiple=True, help="Only policies on this type; repeatable.")
@click.option("--field", "fields", metavar="NAME=JMESPATH", multiple=True, help="A column more; repeatable.")
@_report
def report(
    output: str,
    at: str,
    accounts_file: Path | None,
    reports: Path,
    formats: tuple[str, ...],
    fail_on: str | None,
    **choice: tuple[str, ...],
) -> int:
    """Make the report of any output of Custodian: the newest run there, or the run directory given."""
    return _write_report(output, reports, formats, fail_on, accounts_file, at, **choice)


@cli.command()
@_accounts
@_policies
@_output
@_choice
@_resume
@_scheduler
@_report
def audit(
    accounts_file: Path,
    sources: tuple[Path, ...],
    output: str,
    reports: Path,
    formats: tuple[str, ...],
    fail_on: str | None,
    **choice: Any,
) -> int:
    """Run, then report."""
    _check_formats(formats)
    folder, _, interrupted = _run(accounts_file, sources, output, **choice)
    return EXIT_PARTIAL if interrupted else _write_report(folder, reports, formats, fail_on, accounts_file)


@cli.command()
@_policies
@_report
def demo(sources: tuple[Path, ...], reports: Path, formats: tuple[str, ...], fail_on: str | None) -> int:
    """Audit a small AWS that runs on this machine. Needs no account and reads none of your AWS settings."""
    from reporter import demo as sandbox_demo

    _check_formats(formats)
    return sandbox_demo.run(sources, reports, formats, fail_on)


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Its port; any free one if not given.")
@click.option("--faults", type=_PATH, help="YAML file of how it shall misbehave, to see what comes of it.")
@click.option("--empty", is_flag=True, help="Without the demo's accounts, groups and instances.")
def sandbox(port: int, faults: Path | None, empty: bool) -> int:
    """Run the demo's AWS on this machine until Ctrl-C, for any tool of yours to talk to.

    Prints the lines that point a shell at it.
    """
    from reporter.sandbox import foreground

    foreground.serve(port, faults, empty)
    return EXIT_OK


@cli.command()
@_policies
def validate(sources: tuple[Path, ...]) -> int:
    """Validate the policies the way Custodian does."""
    from reporter.collect import policies

    found = policies.read(sources)
    _say(f"{len(found.planned)} policies are valid")
    return EXIT_OK


@cli.command()
@click.option("--base", required=True, help="Revision to compare with, as git knows it.")
@click.option(
    "--head",
    default="WORKTREE",
    show_default=True,
    help="Revision to review; WORKTREE is the files as they are.",
)
@_policies
@_output
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="How to print it; markdown is for a comment on a pull request.",
)
@click.option(
    "--fail-on-loosening",
    is_flag=True,
    help="Exit with 1 where a policy lets go of a resource that it caught; with 3 where that cannot be told.",
)
def review(
    base: str, head: str, sources: tuple[Path, ...], output: str, style: str, fail_on_loosening: bool
) -> int:
    """Print what a change of the policies would catch and let go, over the newest run, without AWS."""
    from reporter.custodian.output import open_output
    from reporter.review import changes, compare, render

    before, after = changes.at(sources, base, "--base"), changes.at(sources, head, "--head")
    if not before and not after:
        raise InputError(f"{', '.join(map(str, sources))}: no policies there, neither before nor now")
    result = compare.review(before, after, open_output(output), base, head)
    formats = {"text": render.as_text, "markdown": render.as_markdown, "json": render.as_json}
    click.echo(formats[style](result))
    if not fail_on_loosening:
        return EXIT_OK
    if result.loosened:
        return EXIT_FOUND
    return EXIT_PARTIAL if result.undecided else EXIT_OK


@cli.command(name="test-policies")
@_policies
@click.option("-p", "--policy", "only", multiple=True, help="Only this policy; repeatable.")
@click.option("--mutate", is_flag=True, help="Break each filter in turn, and tell what no case notices.")
def test_policies(sources: tuple[Path, ...], only: tuple[str, ...], mutate: bool) -> int:
    """Run the cases that policies carry in tests/ beside them, through Custodian's filters, without AWS."""
    from reporter.collect import policies
    from reporter.policytests import cases, check

    every = policies.read(sources)
    found = policies.read(sources, only) if only else every
    results = check.check(
        found.data["policies"], cases.read(sources, [policy.name for policy in every.planned]), mutate
    )
    click.echo(check.table(results))
    return EXIT_OK if all(result.passed for result in results) else EXIT_FOUND


@cli.command(name="policies")
@_policies
@click.option(
    "--copy-to",
    "folder",
    type=_PATH,
    metavar="DIR",
    help="Copy this project's own policy files there instead.",
)
@click.option("--force", is_flag=True, help="--copy-to: write over files that differ.")
def print_policies(sources: tuple[Path, ...], folder: Path | None, force: bool) -> int:
    """Print the policies as the one file that `c7n-org run -u` takes, or copy the files to a deployment."""
    if folder is not None:
        from reporter import packaged

        for path in packaged.copy_policies(folder, force):
            click.echo(path)
        return EXIT_OK
    if force:
        raise click.UsageError("--force goes with --copy-to")
    from reporter.collect import policies

    click.echo(policies.as_one_file(policies.read(sources)), nl=False)
    return EXIT_OK


@cli.command()
@_policies
@click.option("-p", "--policy", "only", multiple=True, help="Only this policy; repeatable.")
@click.option(
    "--format", "form", type=click.Choice(["iam", "cloudformation"]), default="iam", show_default=True,
    help="An IAM policy in JSON, or a template with a role that has it.",
)  # fmt: skip
@click.option("--trust", metavar="ACCOUNT_ID", help="cloudformation: the account the audit runs from.")
@click.option("--external-id", metavar="TEXT", help="cloudformation: what must be said to assume the role.")
@click.option(
    "--role-name", metavar="NAME", show_default="sg-audit", help="cloudformation: what the role is called."
)
def permissions(sources: tuple[Path, ...], only: tuple[str, ...], form: str, **role: str | None) -> int:
    """Print what an account's role must be allowed for the policies to be run there."""
    from reporter.collect import permissions as needed
    from reporter.collect import policies

    if form == "iam" and any(value is not None for value in role.values()):
        raise click.UsageError("--trust, --external-id and --role-name go with --format cloudformation")
    actions = needed.actions(policies.read(sources, only))
    text = needed.as_iam(actions) if form == "iam" else needed.as_cloudformation(actions, **role)
    for action in needed.not_reading(actions):
        _say(f"look at this one before you allow it, its name does not say that it only reads: {action}")
    click.echo(text, nl=False)
    return EXIT_OK


@cli.command()
@click.option("--from-profiles", is_flag=True, help="The accounts of the profiles in the AWS configuration.")
@click.option("--from-organization", is_flag=True, help="The active accounts of the organization you are in.")
@click.option(
    "-c", "--config", "accounts_file", type=_PATH, default="accounts.yml", show_default=True,
    help="The file to write, or to add to.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write the file anew; what is in it is lost.")
@click.option(
    "-r", "--region", "regions", multiple=True, default=["all"], show_default=True,
    help="The regions of each account; repeatable.",
)  # fmt: skip
@click.option(
    "--role", metavar="NAME", show_default="sg-audit",
    help="--from-organization: the members' role, or its ARN with {Id} for the account's id.",
)  # fmt: skip
@click.option("--external-id", metavar="TEXT", help="--from-organization: the external id the role asks for.")
@click.option("--ou", "units", multiple=True, help="--from-organization: only this unit, /PATH; repeatable.")
def accounts(
    from_profiles: bool,
    from_organization: bool,
    accounts_file: Path,
    force: bool,
    regions: tuple[str, ...],
    role: str | None,
    external_id: str | None,
    units: tuple[str, ...],
) -> int:
    """Write an accounts file, or add to it the accounts that it lacks."""
    from reporter.collect import accounts_text, generate, permissions

    if from_profiles == from_organization:
        raise click.UsageError("give one of --from-profiles and --from-organization")
    if from_profiles and (role is not None or external_id is not None or units):
        raise click.UsageError("--role, --external-id and --ou go with --from-organization")
    present = accounts_text.present(accounts_file, force)
    if from_profiles:
        found = generate.from_profiles(regions, present)
    else:
        role = permissions.ROLE_NAME if role is None else role
        found = generate.from_organization(regions, role, units, external_id, present)
    for profile, why in found.left_out.items():
        _say(f"no account for profile {profile}: {why}")
    accounts_text.add(accounts_file, found, force)
    _say(f"{len(found.entries)} accounts added, {len(present)} kept")
    click.echo(accounts_file)
    return EXIT_PARTIAL if found.unknown else EXIT_OK


def _run(
    accounts_file: Path,
    sources: tuple[Path, ...],
    output: str,
    *,
    names: tuple[str, ...],
    tags: tuple[str, ...],
    regions: tuple[str, ...],
    only: tuple[str, ...],
    resume: bool,
    scheduler: str | None,
) -> tuple[str, bool, bool]:
    """Returns the run's folder, whether all was read, and whether the run was interrupted."""
    _check_workers()
    if resume and (names or tags or regions or only):
        raise click.UsageError(
            "--resume takes the accounts and policies of its run: leave out -a, -t, -r and -p"
        )
    from reporter.collect import forking

    with forking.begun() if scheduler is None else nullcontext():
        with nothing_to_collect():
            from reporter import progress
            from reporter.collect import accounts, policies, pools
            from reporter.collect import run as collecting
            from reporter.manifest import RunState, Status
            from reporter.store import open_store

        chosen = accounts.read(accounts_file, names, tags, regions)
        found = policies.read(sources, only)
        place = open_store(output)
        collecting.make_output(place)
        pool = pools.open_pool(scheduler, chosen)
    for account in chosen:
        if account.regions_by_default:
            _say(f"account {account.name} names no region: {' and '.join(account.regions)}, as in c7n-org")
    if found.with_actions:
        _say(f"actions are never carried out here: {', '.join(found.with_actions)}")
    _say(f"{len(chosen)} accounts, {len(found.planned)} policies")
    with progress.shown(_console) as shown:
        start = collecting.resume if resume else collecting.run
        folder, result = start(chosen, found, place, pool, shown)
    interrupted = result.state is RunState.INTERRUPTED
    if interrupted:
        _say("interrupted: what was finished is kept; `sg-audit run --resume` with the same options goes on")
    return folder.name, all(cell.status is Status.OK for cell in result.cells), interrupted


def _check_workers() -> None:
    # c7n-org reads it as it is imported, and stumbles.
    wanted = os.environ.get("C7N_ORG_PARALLEL", "1")
    if not wanted.isdecimal() or int(wanted) < 1:
        raise InputError(f"C7N_ORG_PARALLEL={wanted}: not a number of workers; give 1 or more, or unset it")


def _check_formats(names: Sequence[str]) -> None:
    """Raises InputError now rather than after everything was read."""
    from reporter.formats import DEFAULT, load

    for name in names:
        if name != DEFAULT:  # which needs nothing more, and costs pandas, which a run has no use for
            load(name)


def _chosen(option: str, values: Sequence[str]) -> tuple[str, ...]:
    """Raises InputError where what is chosen is nothing, as by a variable that is not set."""
    from reporter.accounts_file import split

    names = split(values)
    if values and not names:
        raise InputError(f"{option}: give a name")
    return names


def _write_report(
    output: Path | str,
    reports: Path,
    formats: Sequence[str],
    fail_on: str | None,
    accounts_file: Path | None = None,
    at: str = "",
    only: Sequence[str] = (),
    resources: Sequence[str] = (),
    fields: Sequence[str] = (),
) -> int:
    from reporter import accounts_file as accounts
    from reporter import labels, progress, tabs
    from reporter import report as reporting
    from reporter.audit import read_audit
    from reporter.custodian.output import open_output
    from reporter.inventory import columns

    _check_formats(formats)
    more = [columns.parse(field) for field in fields]
    found = open_output(output, accounts.read(accounts_file) if accounts_file else (), at)
    found = found.only(_chosen("-p", only), _chosen("--resource", resources))
    if fail_on and not found.has_groups:
        raise InputError(
            f"--fail-on {fail_on}: no policy of the output is on security groups: nothing has a risk"
        )
    named = [field.name for field in more] + [policy.report.get("column", "") for policy in found.policies]
    of_accounts = labels.read(accounts_file, named) if accounts_file else labels.NO_LABELS
    reporting.check_folder(reports)
    with progress.counted(_console, f"reading {found.kind}") as shown:
        result = read_audit(found, more, shown)
    _say(f"{output}: {found.kind}, {found.started}: {found.extent}")
    with progress.counted(_console, f"writing {', '.join(formats)}") as shown:
        written = reporting.write(result, reports, formats, of_accounts, shown)
    if result.output.has_groups:
        _print_summary(result)
    _say(tabs.coverage_line(result))
    for gap in result.gaps[:10]:
        where = f"{gap.account} {gap.region} {gap.policy}"
        _say(f"not read: {where}: " + " ".join(filter(None, (gap.status.value, gap.code, gap.message))))
    if len(result.gaps) > 10:
        _say(f"not read: {len(result.gaps) - 10} more; the coverage tab has them all")
    for note in written.notes:
        _say(note)
    for path in written.paths:
        click.echo(path)
    if result.gaps or not result.output.complete:
        return EXIT_PARTIAL
    if fail_on and (result.inventory.groups["risk"] <= fail_on).any():
        return EXIT_FOUND
    return EXIT_OK


def _print_summary(result: "Audit") -> None:
    from reporter import tabs
    from reporter.inventory.risk import LEVELS as EVERY_LEVEL

    counts = tabs.summary(result)
    table = Table(title="Security groups by risk", title_justify="left")
    table.add_column("account")
    for level in EVERY_LEVEL:
        table.add_column(level, justify="right")
    accounts = counts[counts["scope"] == tabs.ACCOUNT]
    # The worst ones are what a terminal has room for; the workbook has all.
    worst = accounts.sort_values(list(EVERY_LEVEL), ascending=False, kind="stable").index[:20]
    for row in accounts[accounts.index.isin(worst)].itertuples(index=False):
        table.add_row(str(row.name), *(_count(getattr(row, level)) for level in EVERY_LEVEL))
    if len(accounts) > len(worst):
        table.add_row(f"… {len(accounts) - len(worst)} more accounts")
    everything = counts.iloc[0]
    table.add_section()
    table.add_row("all", *(_count(everything[level]) for level in EVERY_LEVEL))
    _console.print(table, markup=False)


def _count(value: Any) -> str:
    import pandas as pd

    return "unknown" if pd.isna(value) else f"{value:,}"


def _say(line: str) -> None:
    _console.print(line, markup=False, highlight=False, soft_wrap=True)


def _of_aws_configuration(error: Exception) -> bool:
    """Whether botocore stumbled on the user's settings: it may do so as soon as c7n is imported."""
    botocore = sys.modules.get("botocore.exceptions")
    kinds = ("ConfigNotFound", "ConfigParseError", "ProfileNotFound")
    return bool(botocore) and isinstance(error, tuple(getattr(botocore, kind) for kind in kinds))


def main() -> None:
    """Run the command line, and turn what is wrong with the input into one line and exit code 2."""
    os.umask(0o077)  # all that is written here describes a company's exposure: for its owner only
    try:
        code = cli(standalone_mode=False)
    except click.ClickException as error:
        _say(f"sg-audit: {error.format_message()}")
        code = EXIT_INPUT
    except InputError as error:
        _say(f"sg-audit: {error}")
        code = EXIT_INPUT
    except (click.Abort, KeyboardInterrupt):
        _say("sg-audit: interrupted")
        code = EXIT_PARTIAL
    except Exception as error:
        if not _of_aws_configuration(error):
            raise
        _say(f"sg-audit: the AWS configuration: {error}")
        code = EXIT_INPUT
    sys.exit(code if isinstance(code, int) else EXIT_OK)


if __name__ == "__main__":
    main()
