"""`sg-audit remedy`: what would close findings, and what would undo that."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reporter import pandas_without_pyarrow
from reporter.cli import options
from reporter.cli.reading import read_waivers
from reporter.cli.terminal import EXIT_OK, EXIT_PARTIAL, console, say

if TYPE_CHECKING:
    from reporter.remedy.steps import Plan

_FORMS = ("cli", "terraform", "custodian")  # as reporter.remedy.forms has them


class _Command(click.Command):
    """Takes `--keep tcp 80,443` for one value, as it is said, though it is two words to a shell."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        joined: list[str] = []
        for word in args:
            bare = joined[-2:-1] == ["--keep"] and joined[-1] in ("tcp", "udp", "protocol")
            if bare and re.fullmatch(r"[\d,-]*\d", word):
                joined[-1] += f" {word}"
            else:
                joined.append(word)
        return super().parse_args(ctx, joined)


def _forms(context: click.Context, option: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    names = options.comma_names(context, option, given)
    for name in names:
        if name not in _FORMS:
            raise click.BadParameter(f"{name!r} is none of {', '.join(_FORMS)}")
    return names


@click.command(cls=_Command)
@options.any_output
@click.option(
    "-c", "--config", "accounts_file", type=options.PATH,
    help="Accounts file: how to get into the accounts, and what a stock run should hold.",
)  # fmt: skip
@options.waivers
@click.option(
    "-a", "--accounts", "names", multiple=True, callback=options.comma_names,
    help="Only this account, by name or id; repeatable.",
)  # fmt: skip
@click.option(
    "-p", "--policy", "policies", multiple=True, callback=options.comma_names,
    help="Only findings of this policy; repeatable.  [default: exposed, default and unused groups]",
)  # fmt: skip
@click.option(
    "--keep", multiple=True, metavar="PORTS",
    help="What stays of a rule of which only part is wrong: `tcp 80,443`, `icmp`, or `none`; repeatable.",
)  # fmt: skip
@click.option(
    "--to", multiple=True, metavar="CIDR", callback=options.comma_names,
    help="Let the same in from here, before a rule is removed; repeatable.",
)  # fmt: skip
@click.option("--needless", is_flag=True, help="Remove rules that others of their group make needless, too.")
@click.option(
    "--for", "forms", multiple=True, default=["cli"], show_default=True, callback=_forms,
    metavar="FORM", help="What to write: cli, terraform, custodian; repeatable.",
)  # fmt: skip
@click.option(
    "--role",
    default="",
    metavar="NAME",
    help="The role that may change, or its ARN with {Id} for the account's id.",
)
@click.option("--profile", default="", metavar="NAME", help="The profile that may change.")
@click.option(
    "-o", "--plan", "folder", type=options.PATH, default="remedy", show_default=True,
    help="Folder for the plan.",
)  # fmt: skip
def remedy(
    output: str,
    at: str,
    accounts_file: Path | None,
    waivers_file: Path | None,
    max_waiver_days: int | None,
    names: tuple[str, ...],
    policies: tuple[str, ...],
    keep: tuple[str, ...],
    to: tuple[str, ...],
    needless: bool,
    forms: tuple[str, ...],
    role: str,
    profile: str,
    folder: Path,
) -> int:
    """Plan what closes findings and what undoes that: scripts, Terraform or policies. Nothing is carried out."""
    pandas_without_pyarrow.load()
    from reporter import progress
    from reporter.accounts import expected
    from reporter.findings import waivers
    from reporter.output.reading import open_output
    from reporter.remedy import access, planning, writing
    from reporter.remedy.options import Options, parse_keep, parse_to
    from reporter.report import accounts_alone

    accepted = read_waivers(waivers_file, accounts_file, max_waiver_days)
    wanted = Options(policies, None, parse_keep(keep), parse_to(to), needless)
    access_of = access.access(accounts_file, role, profile)
    writing.check(folder)
    should_be = expected.read(accounts_file) if accounts_file else ()
    with progress.stepped(console()) as tell:
        found = open_output(output, should_be, at, tell)
    if names:
        wanted = wanted.of_accounts(accounts_alone.choose(found, names))
    with progress.counted(console(), f"reading {found.kind}") as count:
        plan = planning.plan(found, wanted, accepted, waivers.today(), access_of, count)
    for note in found.notes:
        say(f"left out: {note}")
    written = writing.write(plan, folder, forms)
    for line in _told(plan, forms, written):
        say(line)
    for path in written:
        click.echo(path)
    return EXIT_PARTIAL if plan.gaps or not found.complete else EXIT_OK


def _told(plan: "Plan", forms: Sequence[str], written: Sequence[Path]) -> list[str]:
    from reporter.remedy import planning
    from reporter.remedy.forms import left_out
    from reporter.remedy.steps import Status

    counts: Any = planning.counted(plan)
    lines = []
    if not plan.accounts:
        lines.append("nothing to do: no finding of the chosen policies is proven and not waived")
    else:
        lines.append(
            f"steps for findings: {counts[Status.PLANNED]:,} planned, {counts[Status.CHOICE]:,} to choose, "
            f"{counts[Status.REFUSED]:,} refused; nothing is carried out: read {written[0]} first"
        )
    counted = Counter(form for of_step in left_out(plan, forms).values() for form in of_step)
    lines += [
        f"{count:,} of those planned are not in the files for {form}: plan.md says why"
        for form, count in counted.items()
    ]
    if plan.gaps:
        parts = "1 part" if plan.gaps == 1 else f"{plan.gaps:,} parts"
        lines.append(
            f"{parts} of the audit could not be read: there may be more to do; `sg-audit report` says which"
        )
    return lines
