"""`sg-audit publish`: findings sent to where they are worked on. It alone writes to AWS."""

import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reporter import custodian_without_time_zones, pandas_without_pyarrow
from reporter.cli import options
from reporter.cli.reading import open_run, read_run, read_waivers
from reporter.cli.terminal import EXIT_OK, EXIT_PARTIAL, console, say
from reporter.errors import InputError

if TYPE_CHECKING:
    from reporter.accounts.chosen import Account
    from reporter.cli.reading import Read
    from reporter.findings.changes import Key
    from reporter.output.reading import Output
    from reporter.publish.planning import Item
    from reporter.publish.record import Kept, Record
    from reporter.report.finding_records import Place


@click.command()
@click.argument("to", type=click.Choice(["securityhub"]))
@options.own_output
@options.accounts_file
@options.waivers
@click.option(
    "-a", "--accounts", "names", multiple=True, callback=options.comma_names,
    help="Only this account, by name or id; repeatable. Those of the others stay as they are.",
)  # fmt: skip
@click.option(
    "-r", "--region", "regions", multiple=True, callback=options.comma_names,
    help="Only this region; repeatable. Those of the others stay as they are.",
)  # fmt: skip
@click.option(
    "-p", "--policy", "policies", multiple=True, callback=options.comma_names,
    help="Only findings of this policy; repeatable. Those of the others stay as they are.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Send nothing; print what would be new, changed or resolved.")
@click.option("--yes", is_flag=True, help="Send without asking.")
def publish(
    to: str,
    output: str,
    at: str,
    accounts_file: Path,
    waivers_file: Path | None,
    max_waiver_days: int | None,
    names: tuple[str, ...],
    regions: tuple[str, ...],
    policies: tuple[str, ...],
    dry_run: bool,
    yes: bool,
) -> int:
    """Import a run's findings into AWS Security Hub, by each account's own role, in each region.

    Those that were published before and are gone are resolved, where the run looked for them. It is the only command
    that writes to AWS.
    """
    if not (dry_run or yes or _at_terminal()):
        raise InputError("publish: it writes to AWS: give --yes, or --dry-run to see what it would send")
    pandas_without_pyarrow.load()
    custodian_without_time_zones.load()
    from reporter.accounts import chosen
    from reporter.findings.past import resolved
    from reporter.output.manifest import UNKNOWN_REGION
    from reporter.output.reading import OWN_RUN
    from reporter.publish import record
    from reporter.report import accounts_alone

    accounts = chosen.read(accounts_file)
    accepted = read_waivers(waivers_file, accounts_file, max_waiver_days)
    opened = open_run(output, accounts_file, at)
    found = opened.output
    if found.kind != OWN_RUN:
        raise InputError(
            f"{output}: {found.kind}: it does not tell what was to be read, and so not what is gone; only runs of "
            "`sg-audit run` are published (`sg-audit report -f asff` takes any output)"
        )
    of_accounts = accounts_alone.choose(found, names) if names else None
    _check_regions(found, regions)
    beside = resolved(found.store).parent
    if beside is None:
        raise InputError(f"{output}: the run lies in no folder in which what was published could be recorded")

    ids = {cell.account_id for cell in found.cells if of_accounts and cell.account in of_accounts}

    def is_chosen(account_id: str, region: str) -> bool:
        in_account = of_accounts is None or account_id in ids
        return in_account and (not regions or region in (*regions, UNKNOWN_REGION))

    run = read_run(opened, accepted)
    _check_policies(run, policies)
    if dry_run:
        return _publish(run, record.read(beside), None, accounts, accounts_file, is_chosen, policies, yes)
    with record.held(beside) as kept:
        return _publish(run, kept.record, kept, accounts, accounts_file, is_chosen, policies, yes)


def _publish(
    run: "Read",
    before: "Record",
    kept: "Kept | None",
    accounts: "Sequence[Account]",
    accounts_file: Path,
    is_chosen: Callable[[str, str], bool],
    only: Collection[str],
    yes: bool,
) -> int:
    """Say what there is to send, and send it, unless there is no record to be `kept` of it. `is_chosen` is given an
    account's id and a region, and `only` names policies, none for all."""
    from reporter import progress
    from reporter.accounts import prompts
    from reporter.publish import planning, securityhub, telling
    from reporter.report.details import policies_that_find
    from reporter.report.formats import asff

    def of_chosen(key: "Key") -> bool:
        return is_chosen(key.account, key.region) and (not only or key.policy in only)

    found = planning.plan(
        run.audit,
        run.findings,
        run.past,
        before,
        lambda place: is_chosen(place.account_id, place.region),
        of_chosen,
    )
    of_place, unknown = _accounts_of(found.places, accounts, accounts_file)
    would_be: list[str] = []

    def show(item: "Item") -> None:
        if kept is None and item.change is not planning.Change.SAME:
            would_be.append(telling.line(item))

    with progress.counted(console(), "looking at what was published") as count:
        there = planning.overview(found, of_place, show, count)
    policies = frozenset(policy.name for policy in policies_that_find(run.audit))
    gaps = [cell for cell in run.audit.gaps if is_chosen(cell.account_id, cell.region)]
    told = there.entries.keys() | there.held_back
    for line in (
        *run.past.notes,
        *asff.not_taken(place for place in found.all_places if is_chosen(place.account_id, place.region)),
        *telling.left(found, policies, of_chosen, told),
        *telling.unread(gaps),
    ):
        say(line)
    sent = securityhub.Sent()
    announced = telling.announced(there.changes, there.places)
    if not there.entries:
        if kept:
            kept.write(replace(found.record, run=found.run))  # no older one is to be published after it
        say("nothing to publish")
    elif kept is None:
        for line in would_be:
            click.echo(line)
        say(f"--dry-run: nothing is sent; it would be, {announced}")
    else:
        say(f"this writes to AWS: {announced}")
        if not (yes or click.confirm("Publish them?", err=True)):
            say("nothing is sent")
            return EXIT_PARTIAL
        _sign_in(accounts)
        try:
            with progress.counted(console(), "publishing") as count:
                prompts.install(say, count.alone)
                sent = securityhub.send(found, there.entries, of_place, kept, count)
        except KeyboardInterrupt:
            say("interrupted: what was sent is recorded; the same command sends the rest")
            return EXIT_PARTIAL
    refused = [*(securityhub.Refused(place, unknown) for place in there.unknown), *sent.refused]
    for line in (*telling.refusals(refused), *telling.failures(sent.failed)):
        say(line)
    if kept is not None and there.entries:
        say(telling.published(sent.taken, there.changes))  # the last, as refusals may be many
        click.echo(kept.name)
    return EXIT_PARTIAL if refused or sent.failed or gaps or not run.audit.output.complete else EXIT_OK


def _accounts_of(
    places: "Sequence[Place]", accounts: "Sequence[Account]", accounts_file: Path
) -> tuple[dict["Place", "Account"], str]:
    """The account of each place, by its id; and why others have none."""
    by_id = {account.account_id: account for account in reversed(accounts)}
    by_both = {(account.account_id, account.name): account for account in accounts}
    known = {
        place: by_both.get((place.account_id, place.account)) or by_id[place.account_id]
        for place in places
        if place.account_id in by_id
    }
    return known, f"no account of that id is in {accounts_file}"


def _sign_in(accounts: "Sequence[Account]") -> None:
    """Have the accounts' roles and profiles be taken up as for a run. Raises InputError where none could be."""
    from reporter.accounts import caller
    from reporter.collect import run as collecting

    collecting.prepare()
    caller.check(accounts)
    caller.identify(accounts)


def _at_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _check_policies(run: "Read", policies: Sequence[str]) -> None:
    """Raises InputError for a policy of which the run has no findings to tell."""
    from reporter.report.details import policies_that_find

    there = [policy.name for policy in policies_that_find(run.audit)]
    for policy in policies:
        if policy not in there:
            raise InputError(
                f"-p {policy}: no policy of this run that finds groups; there are {', '.join(there)}"
            )


def _check_regions(found: "Output", regions: Sequence[str]) -> None:
    """Raises InputError for a region of which the run has nothing."""
    there = {cell.region for cell in found.cells}
    for region in regions:
        if region not in there:
            raise InputError(f"-r {region}: not in the output; there are {', '.join(sorted(there)[:10])}")
