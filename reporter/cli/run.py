"""`sg-audit run`, `audit` and `demo`, and the sandbox that the demo runs on."""

import glob
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reporter import custodian_without_time_zones, garbage_collection
from reporter.cli import options, report
from reporter.cli.reading import read_waivers
from reporter.cli.terminal import EXIT_INPUT, EXIT_OK, EXIT_PARTIAL, console, say
from reporter.wording import counted

if TYPE_CHECKING:
    from reporter.output.store import Store


@click.command()
@options.accounts_file
@options.policy_sources
@options.output_place
@options.choice
@options.lookups
@options.resume
@options.scheduler
@options.unit_timeout
def run(accounts_file: Path, sources: tuple[Path, ...], output: str, **choice: Any) -> int:
    """Run the policies on every account and region, into a folder of its own below the output folder."""
    folder, whole, _ = _run(accounts_file, sources, output, **choice)
    click.echo(folder)
    return EXIT_OK if whole else EXIT_PARTIAL


@click.command()
@options.accounts_file
@options.policy_sources
@options.output_place
@options.choice
@options.lookups
@options.resume
@options.scheduler
@options.unit_timeout
@options.waivers
@options.report_files
def audit(
    accounts_file: Path,
    sources: tuple[Path, ...],
    output: str,
    waivers_file: Path | None,
    max_waiver_days: int | None,
    place: "Store",
    stem: str,
    formats: tuple[str, ...],
    csv_bom: bool,
    partition: tuple[str, ...],
    fail_on: str | None,
    history: str,
    carry: Path | None,
    summary: Path | None,
    **choice: Any,
) -> int:
    """Run, then report."""
    from reporter.report import places, summary_file
    from reporter.report.formats import check

    check(formats, csv_bom=csv_bom, partition=partition)
    places.check(place)
    summary_file.check(summary)
    entries = report.read_entries(carry, formats)
    accepted = read_waivers(waivers_file, accounts_file, max_waiver_days)
    folder, _, interrupted = _run(accounts_file, sources, output, **choice)
    if interrupted:
        return EXIT_PARTIAL
    more: dict[str, Any] = {"history": history, "entries": entries, "stem": stem, "partition": partition}
    more["summary"] = summary
    return report.write(folder, place, formats, csv_bom, fail_on, accounts_file, accepted, **more)


@click.command()
@options.policy_sources
@click.option(
    "-s",
    "--output-dir",
    "output",
    default="demo-output",
    show_default=True,
    help="Folder of the demo's runs.",
)
@options.iam
@options.report_files
def demo(
    sources: tuple[Path, ...],
    output: str,
    iam: bool,
    place: "Store",
    stem: str,
    formats: tuple[str, ...],
    csv_bom: bool,
    partition: tuple[str, ...],
    fail_on: str | None,
    history: str,
    carry: Path | None,
    summary: Path | None,
) -> int:
    """Audit a small AWS that runs on this machine. Needs no account and reads none of your AWS settings."""
    from reporter.report import places, summary_file
    from reporter.report.formats import check
    from reporter.sandbox import demo as sandbox_demo

    check(formats, csv_bom=csv_bom, partition=partition)
    reports = sandbox_demo.kept(place, "-o").path
    places.check(place)
    summary_file.check(summary)
    report.read_entries(carry, formats)
    code = sandbox_demo.run(
        sources,
        output,
        reports,
        stem,
        formats,
        csv_bom,
        partition,
        fail_on,
        history,
        carry,
        summary=summary,
        iam=iam,
    )
    if code != EXIT_INPUT:
        for line in _what_to_try_next(output, reports, stem, formats):
            say(line)
    return code


def _what_to_try_next(output: str, reports: Path, stem: str, formats: Sequence[str]) -> Iterator[str]:
    """The page to open, and commands that work as pasted in the folder that the demo was run in."""
    called = click.get_current_context().find_root().info_name or ""
    program = called if shutil.which(called.partition(" ")[0]) else sys.argv[0]
    place = shlex.quote(output)
    yield "Try next:"
    named = f"{glob.escape(stem)}.html" if stem else "security_groups_inventory_*.html"
    pages = sorted(reports.glob(named)) if "html" in formats else ()
    if pages:
        yield f"  open {pages[-1]} in a browser: it needs no network"
    else:
        yield f"  {program} report -s {place} -f html  # a page to open in a browser"
    yield f"  {program} remedy -s {place}  # plans what would close its findings: read remedy/plan.md first"
    yield f"  {program} report -s {place} -f csv  # the same run as CSV files"
    if options.DEFAULT_POLICIES.exists():
        yield f"  {program} review -s {place} --base HEAD  # what a change of policies/ would catch and let go"
    else:
        yield f"  {program} policies --copy-to {options.DEFAULT_POLICIES}  # the policies, to change as you like"


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Its port; any free one if not given.")
@click.option(
    "--faults", type=options.PATH, help="YAML file of how it shall misbehave, to see what comes of it."
)
@click.option("--empty", is_flag=True, help="Without the demo's accounts, groups and instances.")
def sandbox(port: int, faults: Path | None, empty: bool) -> int:
    """Run the demo's AWS on this machine until Ctrl-C, for any tool of yours to talk to.

    Prints the lines that point a shell at it.
    """
    from reporter.sandbox import foreground

    foreground.serve(port, faults, empty)
    return EXIT_OK


def _run(
    accounts_file: Path,
    sources: tuple[Path, ...],
    output: str,
    *,
    names: tuple[str, ...],
    tags: tuple[str, ...],
    regions: tuple[str, ...],
    allowed_regions: tuple[str, ...],
    only: tuple[str, ...],
    iam: bool,
    access_analyzer: bool,
    resume: bool,
    scheduler: str | None,
    unit_timeout: float,
) -> tuple[str, bool, bool]:
    """Returns the run's folder, whether all was read, and whether the run was interrupted."""
    if resume and (names or tags or regions or only):
        raise click.UsageError(
            "--resume takes the accounts and policies of its run: leave out -a, -t, -r and -p"
        )
    if resume and (iam or access_analyzer):
        raise click.UsageError("--resume asks what its run asked: leave out --iam and --access-analyzer")
    if access_analyzer and not iam:
        raise click.UsageError("--access-analyzer: goes with --iam, whose roles its findings are about")
    from reporter.collect import forking

    forking.workers_wanted()
    with forking.loading() if scheduler is None else nullcontext():
        with garbage_collection.paused():
            custodian_without_time_zones.load()
            from reporter import progress
            from reporter.accounts import caller, chosen, prompts
            from reporter.collect import asked, lookups, pools, run_folder
            from reporter.collect import run as collecting
            from reporter.custodian import policies
            from reporter.output.manifest import RunState
            from reporter.output.store import open_store

        accounts = chosen.read(accounts_file, names, tags, regions, allowed_regions)
        found = policies.read(sources, only)
        collecting.prepare()
        caller.check(accounts)
        place = open_store(output)
        run_folder.make_output(place)
        wanted = lookups.wanted(iam=iam, access_analyzer=access_analyzer)
        asked_for = lookups.beside(found, wanted)
        pool = pools.open_pool(scheduler, accounts, with_globals=iam)
        asks = asked.asked(caller.identify(accounts), accounts_file, sources)
    for account in accounts:
        if account.regions_by_default:
            say(f"account {account.name} names no region: {' and '.join(account.regions)}, as in c7n-org")
    for key, those in chosen.unknown_keys(accounts).items():
        more = f" and {len(those) - 1} more accounts" if len(those) > 1 else ""
        say(
            f"c7n-org knows no key {key!r} of account {those[0]}{more}: only policies' conditions can go by it"
        )
    if found.with_actions:
        say(f"actions are never carried out here: {', '.join(found.with_actions)}")
    counts = counted(len(accounts), "account", "accounts"), counted(len(found.planned), "policy", "policies")
    say(", ".join([*counts, *(lookup.option for lookup in wanted)]))
    with progress.shown(console()) as shown:
        start = collecting.resume if resume else collecting.run
        prompts.install(say, shown.alone)
        folder, result = start(accounts, asked_for, place, pool, shown, unit_timeout, asks)
    interrupted = result.state is RunState.INTERRUPTED
    if interrupted:
        say(f"interrupted: what was finished is kept; `{options.resuming()}` with the same options goes on")
    return folder.name, not any(cell.is_gap for cell in result.cells), interrupted
