"""What earlier runs found, and what a report says of it: since when a finding is seen, and what became of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import pandas as pd

from reporter.accounts.expected import PlannedAccount
from reporter.errors import InputError
from reporter.findings import history
from reporter.findings.assess import Findings, assess
from reporter.findings.changes import Change, RunFindings, State, compare, read_since
from reporter.findings.resolved import Resolved, resolved_since
from reporter.findings.waived import apply
from reporter.findings.waived_changes import with_waived
from reporter.findings.waivers import Waiver
from reporter.inventory.audit import Audit, Progress, read_audit, silent
from reporter.output import listing, manifest
from reporter.output.listing import Tell
from reporter.output.reading import OWN_RUN, Output, open_output, runs_in, when_begun
from reporter.output.store import Folder, Store, open_store, side_by_side

#: How many runs the trend has, this one among them.
TREND = 10

#: What stands in the column `since_last`, the strongest first: of several findings of a group the first counts.
SINCE_LAST = {State.NEW: "new", State.CHANGED: "changed", State.UNCHANGED: "same"}


@dataclass(frozen=True)
class Past:
    """What is known of the runs before one.

    `base` is the run before it, None where there is none, and `changes` what became of each finding since; `resolved`
    are the findings that it and runs before it had, and that were looked for in vain. `trend` has
    the runs of the trend, the oldest first and this one last: when each began, and its counts (`counts.of_all`); it
    is empty where there is no other. `notes` are lines on what could not be read or kept.
    """

    base: RunFindings | None = None
    changes: tuple[Change, ...] = field(default=(), repr=False)
    trend: tuple[tuple[str, dict[str, int | None]], ...] = ()
    notes: tuple[str, ...] = ()
    resolved: tuple[Resolved, ...] = field(default=(), repr=False)


NO_PAST = Past()


def past_of(
    audit: Audit,
    findings: Findings,
    earlier: Sequence[Store] = (),
    *,
    narrowed: bool = False,
    progress: Progress = silent,
) -> tuple[Findings, Past]:
    """Find out what earlier runs have of a run's findings; returns those with `first_seen` and `since_last`, too.

    `earlier` are the runs before it, as `earlier_runs` has them. What a run of ours found is kept in its folder,
    and what earlier ones found where nothing is kept there. With `narrowed`, the report is of some policies alone:
    nothing of it is kept, and levels, which come of all policies together, are not compared. `progress` hears how
    many earlier runs are read, of how many.
    """
    output = audit.output
    notes: list[str] = []
    base, trend = _read(earlier, notes, progress)
    own = history.read(output.store) if output.kind == OWN_RUN else None
    run = history.of_run(audit, findings, base, own)
    if output.kind == OWN_RUN and not narrowed:
        _keep(output.store, run, notes)
    changes: Sequence[Change] = ()
    if base:
        older, newer = (_of_policies(each, output) for each in (base, run)) if narrowed else (base, run)
        changes = with_waived(compare(older, newer), audit, findings)
    trend = [*trend, (run.started, dict(run.counts))][-TREND:] if trend and not narrowed else []
    gone = tuple(resolved_since(base, run)) if base else ()
    return _told(findings, run, changes), Past(base, tuple(changes), tuple(trend), tuple(notes), gone)


def earlier_in(folder: Store, run: Store, *, renamed: bool) -> list[Store]:
    """The runs in a folder that began before another, the oldest first. Raises OSError."""
    began = when_begun(resolved(run))
    runs = [(each, when_begun(each)) for each in runs_in(folder, renamed=renamed)]
    return [each for each, when in runs if began and when and when < began]


def resolved(run: Store) -> Store:
    """The run's own folder, where a link such as `latest` leads to it."""
    return Folder(run.path.resolve()) if isinstance(run, Folder) else run


def read_run(output: Output, progress: Progress = silent) -> RunFindings:
    """What a run found, of all that it left behind."""
    audit, inventory = read_audit(output, progress=progress)
    return history.of_run(audit, assess(inventory, output.policies))


def known(output: Output, progress: Progress = silent) -> RunFindings:
    """What a run found, as its findings.json has it, or else of all that it left behind."""
    kept = history.read(output.store) if output.kind == OWN_RUN and history.header(output.store) else None
    return kept or read_run(output, progress=progress)


def between(
    older: Output, newer: Output, waivers: Sequence[Waiver], day: date, progress: Progress = silent
) -> tuple[RunFindings, RunFindings, list[Change]]:
    """What two runs found, and what became of each finding; with what waivers make of it on a day, where there are
    any: for them all of the newer run is read."""
    base = known(older, progress)
    if not waivers:
        head = read_since(base, known(newer, progress))
        return base, head, compare(base, head)
    audit, inventory = read_audit(newer, progress=progress)
    findings = apply(assess(inventory, newer.policies), newer.policies, waivers, day)
    head = read_since(base, history.of_run(audit, findings))
    return base, head, with_waived(compare(base, head), audit, findings)


def run_at(
    where: str,
    run: str = "",
    at: str = "",
    expected: Sequence[PlannedAccount] = (),
    tell: Tell = listing.silent,
) -> Output:
    """A run of those in a place: the one of a name there or, where there is none, at a place of its own; or the newest
    at or before a day or hour; or the newest of all. `tell` hears how far the listing of it is.

    Raises InputError where there is none, or no policy of it is on security groups.
    """
    output = open_output(_named(where, run) if run else where, expected, at, tell)
    if not output.has_groups:
        raise InputError(f"{output.store.name}: no policy there is on security groups: there are no findings")
    return output


def run_before(output: Output) -> Output:
    """The run before a run of ours, in the folder that it lies in.

    Raises InputError where there is none, or the output is not a run of ours.
    """
    if output.kind != OWN_RUN:
        raise InputError(
            f"{output.store.name}: {output.kind}: say which to compare with: --base-at or --base"
        )
    try:
        above = resolved(output.store).parent
        earlier = earlier_in(above, output.store, renamed=True) if above else []
    except OSError as error:
        raise InputError(
            f"{output.store.name}: the runs beside it cannot be listed: {error.strerror}"
        ) from None
    if not earlier:
        raise InputError(f"{output.store.name}: no run beside it is older: say which to compare with: --base")
    return run_at(earlier[-1].name)


def named(output: Output) -> str:
    """What a person calls it: the name of a run of ours, or the place of all else."""
    return resolved(output.store).name.rpartition("/")[2] if output.kind == OWN_RUN else output.store.name


def _named(where: str, run: str) -> str:
    """The place of a run: one of that name in the place or, where that is a run itself, beside it."""
    if "/" in run:
        return run
    store = open_store(where)
    for folder in (store, resolved(store).parent):
        if folder and manifest.is_there(folder.child(run)):
            return folder.child(run).name
    return run


def earlier_runs(output: Output, where: str = "", most: int = TREND) -> list[Store]:
    """The last runs before one, as many as `most`, the oldest first: those in the folder that it lies in, or in that of
    runs named by `where`, a folder or s3://bucket/prefix. Raises InputError where that holds none at all."""
    try:
        if where:
            folder = open_store(where)
            runs = runs_in(folder)
            if not runs:
                raise InputError(f"--history {where}: no runs of sg-audit there")
            before = _began(output)
            runs = [run for run in runs if (when := when_begun(run)) and when < before]
        elif output.kind != OWN_RUN or (above := resolved(output.store).parent) is None:
            return []
        else:
            runs = earlier_in(above, output.store, renamed=False)
    except OSError as error:
        if where:
            raise InputError(f"--history {where}: cannot be read: {error.strerror}") from None
        return []  # a run may lie where nothing else can be listed
    return runs[-most:]


def _began(output: Output) -> tuple[str, int]:
    if output.kind == OWN_RUN and (when := when_begun(resolved(output.store))):
        return when
    newest = output.started.rpartition(" to ")[2]  # UTC
    return "".join(each for each in newest[:19] if each.isalnum()) + "Z", 1


def _read(
    runs: Sequence[Store], notes: list[str], progress: Progress
) -> tuple[RunFindings | None, list[tuple[str, dict[str, int | None]]]]:
    """What the last of the runs found, and the counts of all. What is not kept of them is read, and kept.

    So is what they know of since when, where it was kept before there was a run that it is now to go on from: each may
    have been reported on alone.
    """
    if not runs:
        return None, []
    headers = list(side_by_side(runs[0], history.header, runs))
    unread = sum(not header for header in headers)
    done = 0
    last: Callable[[], RunFindings | None] = lambda: None  # noqa: E731
    began, is_new = (
        "",
        False,
    )  # the run before: when it began, and whether what is kept of it was made just now
    trend = []
    for run, header in zip(runs, headers, strict=True):
        if header:
            # What it was told by a run that began later, and is not there any more, stands.
            is_new = header.after < began or (header.after == began and is_new)
            last = _told_anew(run, last(), notes) if is_new else _kept(run, last, notes)
            began = header.started
            trend.append((header.started, header.counts))
            continue
        found = _made_anew(run, last(), notes)
        done += 1
        progress(done, unread)
        if found:
            last, began, is_new = _always(found), found.started, True
            trend.append((found.started, dict(found.counts)))
    return last(), trend


def _kept(
    run: Store, before: Callable[[], RunFindings | None], notes: list[str]
) -> Callable[[], RunFindings | None]:
    """How to read what is kept of a run, or else the run itself: beyond its beginning, the file may be damaged."""
    return lambda: history.read(run) or _made_anew(run, before(), notes)


def _told_anew(run: Store, before: RunFindings | None, notes: list[str]) -> Callable[[], RunFindings | None]:
    """How to have what is kept of a run, with what the run before knows of since when, which is kept from now on."""
    own = history.read(run)
    if own is None or before is None:
        return _kept(run, _always(before), notes)
    found = history.since(own, before, own)
    _keep(run, found, notes)
    return _always(found)


def _always(found: RunFindings | None) -> Callable[[], RunFindings | None]:
    return lambda: found


def _made_anew(run: Store, before: RunFindings | None, notes: list[str]) -> RunFindings | None:
    """What an earlier run found, read and kept; None, with a note, where it cannot be read or has no groups."""
    try:
        output = open_output(run.name)
    except InputError as error:
        notes.append(f"an earlier run is left out: {error}")
        return None
    if not output.has_groups:
        return None
    found = history.since(read_run(output), before, history.read(run))
    _keep(run, found, notes)
    return found


def _keep(store: Store, run: RunFindings, notes: list[str]) -> None:
    try:
        history.write(store, run)
    except OSError as error:
        notes.append(
            f"{store.name}: {history.FILE_NAME} is not kept there: {error.strerror}; "
            "as long as it is not, each report reads that run again"
        )


def _of_policies(run: RunFindings, output: Output) -> RunFindings:
    """What a run found by the policies of another alone, without levels."""
    names = {policy.name for policy in output.policies}
    findings = {
        key: found._replace(level_proven=False) for key, found in run.findings.items() if key.policy in names
    }
    return replace(run, findings=findings)


def _told(findings: Findings, run: RunFindings, changes: Sequence[Change]) -> Findings:
    """The findings with `first_seen` and `since_last`, also of the groups."""
    states = {change.key: SINCE_LAST.get(change.state, "") for change in changes}
    frame = findings.frame
    keys = list(history.keys(frame))
    first_seen = list(map(run.first_seen, keys))
    since_last = [states.get(key, "") for key in keys] if states else ""
    frame = frame.assign(
        first_seen=pd.Series(first_seen, index=frame.index, dtype="str"),
        since_last=pd.Series(since_last, index=frame.index, dtype="str"),
    )
    told = replace(findings, frame=frame)
    return replace(told, groups=findings.groups.assign(**told.since(None)))
