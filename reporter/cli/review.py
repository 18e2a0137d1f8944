"""`sg-audit review`: what a change of policies would catch and let go."""

from pathlib import Path

import click

from reporter import custodian_without_time_zones, garbage_collection
from reporter.cli import options
from reporter.cli.terminal import EXIT_FOUND, EXIT_OK, EXIT_PARTIAL, console
from reporter.errors import InputError


@click.command()
@click.option("--base", required=True, help="Revision to compare with, as git knows it.")
@click.option(
    "--head",
    default="WORKTREE",
    show_default=True,
    help="Revision to review; WORKTREE is the files as they are.",
)
@click.option(
    "-u", "--use", "sources", type=options.PATH, multiple=True, default=["policies"], show_default=True,
    help="Policy file, or folder of them; repeatable.",
)  # fmt: skip
@options.output_place
@click.option(
    "-w", "--waivers", "waivers_file", type=options.PATH,
    help="File of waivers to review as well.  [default: waivers.yml in this folder, if there]",
)  # fmt: skip
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="How to print it; markdown is for a comment on a pull request.",
)
@options.policy_timeout
@click.option(
    "--fail-on-loosening",
    is_flag=True,
    help="Exit with 1 where a policy lets go of a resource that it caught, or a waiver hides a finding; with 3 where "
    "that cannot be told.",
)
def review(
    base: str,
    head: str,
    sources: tuple[Path, ...],
    output: str,
    waivers_file: Path | None,
    style: str,
    policy_timeout: int,
    fail_on_loosening: bool,
) -> int:
    """Print what a change of policies and waivers would catch and let go, over the newest run, without AWS."""
    from reporter import progress

    with garbage_collection.paused():
        custodian_without_time_zones.load()
        from reporter.custodian.bounded import Workers
        from reporter.output.reading import open_output
        from reporter.review import compare, render, versions, waiver_moves

    with Workers(policy_timeout) as workers:
        before = versions.at(workers, sources, base, "--base")
        after = versions.at(workers, sources, head, "--head")
        if not any((before.policies, after.policies, before.unread, after.unread)):
            raise InputError(f"{', '.join(map(str, sources))}: no policies there, neither before nor now")
        with progress.stepped(console()) as tell:
            run = open_output(output, tell=tell)
        waivers = waiver_moves.between(workers, waivers_file, sources, base, head, run)
        result = compare.review(workers, before, after, run, base, head, waivers)
    formats = {"text": render.as_text, "markdown": render.as_markdown, "json": render.as_json}
    click.echo(formats[style](result))
    if not fail_on_loosening:
        return EXIT_OK
    if result.loosened:
        return EXIT_FOUND
    return EXIT_PARTIAL if result.undecided else EXIT_OK
