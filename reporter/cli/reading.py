"""How commands read a run: what they are told to, with what belongs to it, and what they say of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reporter.cli.terminal import console, say

if TYPE_CHECKING:
    from reporter.accounts.labels import Labels
    from reporter.custodian.resource_types import Field
    from reporter.findings.assess import Findings
    from reporter.findings.past import Past
    from reporter.findings.waivers import Waiver
    from reporter.inventory.audit import Audit
    from reporter.output.reading import Output
    from reporter.output.store import Store

_MANY = 10_000  # groups: the garbage collector takes long to look through them


@dataclass(frozen=True)
class Opened:
    """A run of which is known what it holds, before it is read.

    `where` is what the command was told; `fields` are columns that it asks for, `accounts` the only ones it is to be
    of, `earlier` the runs before, of which `narrowed` ones are compared by some policies alone.
    """

    output: "Output"
    where: str
    labels: "Labels"
    fields: "Sequence[Field]"
    accounts: frozenset[str]
    earlier: "Sequence[Store]"
    narrowed: bool


@dataclass(frozen=True)
class Read:
    """What a run says."""

    audit: "Audit"
    findings: "Findings"
    past: "Past"
    labels: "Labels"


def read_waivers(
    given: Path | None, accounts_file: Path | None, max_days: int | None
) -> tuple["Waiver", ...]:
    """The waivers of the file that is given, or lies beside the accounts file; none where there is no such file.

    Without an accounts file none is looked for; that there is one where accounts files lie is said, since what is
    waived would else count without a word.
    """
    from reporter.findings import waivers

    path = waivers.find(given, accounts_file)
    if path is None:
        name = waivers.DEFAULT_NAME
        if accounts_file is None and Path(name).exists():
            say(f"{name}: not taken, as no accounts file is given; -w {name} takes it")
        return ()
    found = waivers.read(path, waivers.today(), max_days)
    say(f"{path}: {len(found):,} waiver{'' if len(found) == 1 else 's'}")
    return found


def open_run(
    output: Path | str,
    accounts_file: Path | None = None,
    at: str = "",
    only: Sequence[str] = (),
    resources: Sequence[str] = (),
    names: Sequence[str] = (),
    fields: Sequence[str] = (),
    history: str = "",
) -> Opened:
    """Find out what there is to read, and all that is wrong with what was asked for.

    Raises InputError as those do who are asked here: where there is no output, or a name is not in it.
    """
    from reporter import progress
    from reporter.accounts import expected, labels
    from reporter.findings.past import earlier_runs
    from reporter.inventory import columns
    from reporter.output.reading import open_output
    from reporter.report import accounts_alone

    more = [columns.parse(field) for field in fields]
    should_be = expected.read(accounts_file) if accounts_file else ()
    with progress.stepped(console()) as tell:
        found = open_output(output, should_be, at, tell)
    found = found.only(only, resources)
    accounts = accounts_alone.choose(found, names) if names else frozenset()
    taken = [field.name for field in more] + [policy.in_report.column for policy in found.policies]
    of_accounts = labels.read(accounts_file, taken) if accounts_file else labels.NO_LABELS
    earlier = earlier_runs(found, history) if found.has_groups else []
    return Opened(found, str(output), of_accounts, more, accounts, earlier, bool(only or resources))


def read_run(opened: Opened, accepted: Sequence["Waiver"] = ()) -> Read:
    """Read a run with the earlier ones and the waivers, and say what it is."""
    from reporter import garbage_collection, progress
    from reporter.findings import waived, waivers
    from reporter.findings.assess import assess
    from reporter.findings.past import NO_PAST, past_of
    from reporter.inventory import roles_behind
    from reporter.inventory.audit import read_audit
    from reporter.remedy import next_steps
    from reporter.report import accounts_alone

    found = opened.output
    with progress.counted(console(), f"reading {found.kind}") as count:
        audit, inventory = read_audit(found, opened.fields, count)
    if len(inventory.groups) >= _MANY:
        garbage_collection.leave_what_is_there()
    findings = assess(inventory, found.policies)
    del inventory  # the report needs the room
    findings = waived.apply(findings, found.policies, accepted, waivers.today())
    say(f"{opened.where}: {found.kind}, {found.started}: {found.extent}")
    for note in found.notes:
        say(f"left out: {note}")
    if note := roles_behind.note(found.policies):
        say(note)
    past = NO_PAST
    if found.has_groups:
        with progress.counted(console(), "reading earlier runs") as count:
            findings, past = past_of(
                audit, findings, opened.earlier, narrowed=opened.narrowed, progress=count
            )
    findings = next_steps.with_next_steps(findings, found.policies)
    if not opened.accounts:
        return Read(audit, findings, past, opened.labels)
    audit, findings, past = accounts_alone.alone(
        audit, findings, past, opened.accounts, accepted, waivers.today()
    )
    return Read(audit, findings, past, accounts_alone.labels_of(opened.labels, audit))
