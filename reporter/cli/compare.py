"""`sg-audit compare`: what is new, gone or changed from one run to another."""

from pathlib import Path

import click

from reporter import pandas_without_pyarrow
from reporter.cli import options
from reporter.cli.reading import read_waivers
from reporter.cli.terminal import EXIT_FOUND, EXIT_OK, EXIT_PARTIAL, console, say

_FAIL_ON = [f"new-{level}" for level in ("critical", "high", "medium")]


@click.command()
@click.option(
    "-s", "--output-dir", "output", metavar="WHERE", default="output", show_default=True,
    help="A folder of runs or s3://bucket/prefix, or what stock custodian or c7n-org wrote there.",
)  # fmt: skip
@click.option("--base", metavar="RUN", default="", help="The older run; by default the one before the newer.")
@click.option("--head", metavar="RUN", default="", help="The newer run; by default the newest.")
@click.option(
    "--base-at", metavar="TIME", default="", help="The older: the newest at or before 2026-11-20T14."
)
@click.option(
    "--head-at", metavar="TIME", default="", help="The newer: the newest at or before that, in UTC."
)
@click.option(
    "-c", "--config", "accounts_file", type=options.PATH,
    help="Accounts file: names of the accounts, and what a stock run should hold.",
)  # fmt: skip
@options.waivers
@click.option(
    "--format", "style", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True,
    help="How to print it; markdown is for a comment or an issue.",
)  # fmt: skip
@click.option(
    "--fail-on",
    type=click.Choice(_FAIL_ON),
    help="Exit with 1 where a finding that is not waived is, or may be, newly of this level or worse.",
)
def compare(
    output: str,
    base: str,
    head: str,
    base_at: str,
    head_at: str,
    accounts_file: Path | None,
    waivers_file: Path | None,
    max_waiver_days: int | None,
    style: str,
    fail_on: str | None,
) -> int:
    """Print what is new, gone or changed from one run to another: by default to the newest from the one before."""
    for run, at, option in ((base, base_at, "--base"), (head, head_at, "--head")):
        if run and at:
            raise click.UsageError(f"{option} and {option}-at: give one of them")
    from reporter.output.listing import hour

    for at, option in ((base_at, "--base-at"), (head_at, "--head-at")):
        if at:
            hour(at, option)
    accepted = read_waivers(waivers_file, accounts_file, max_waiver_days)

    pandas_without_pyarrow.load()
    from reporter import progress
    from reporter.accounts import expected
    from reporter.findings import past, waivers
    from reporter.report import comparison

    accounts = expected.read(accounts_file) if accounts_file else ()
    with progress.stepped(console()) as tell:
        newer = past.run_at(output, head, head_at, accounts, tell)
        older = (
            past.run_at(output, base, base_at, accounts, tell) if base or base_at else past.run_before(newer)
        )
    for found in (older, newer):
        for note in found.notes:
            say(f"left out: {note}")
    with progress.counted(console(), "reading the runs") as count:
        runs = past.between(older, newer, accepted, waivers.today(), count)
    result = comparison.Comparison(past.named(older), runs[0], past.named(newer), *runs[1:])
    formats = {"text": comparison.as_text, "markdown": comparison.as_markdown, "json": comparison.as_json}
    click.echo(formats[style](result))
    if not result.complete:
        return EXIT_PARTIAL
    failed = fail_on and comparison.fails(result, fail_on.removeprefix("new-"))
    return EXIT_FOUND if failed else EXIT_OK
