"""Two processes make of each item what one makes of it, whatever becomes of the other."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from reporter.inventory import two_processes
from reporter.inventory.audit import read_units
from reporter.output.reading import open_output
from tests.rundir import WORLD, group, instance, interface, unit, write

ITEMS = [(account, number) for account in "abc" for number in range(3)]
HERE = os.getpid()


def account_of(item: tuple[str, int]) -> str:
    return item[0]


def with_process(item: tuple[str, int]) -> tuple[tuple[str, int], bool]:
    return item, os.getpid() == HERE


def test_every_other_account_is_read_elsewhere_and_all_come_in_order() -> None:
    found = list(two_processes.in_two(with_process, ITEMS, account_of))
    assert found == [(item, item[0] != "b") for item in ITEMS]


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("how", ["dies", "raises"])
def test_what_the_other_one_is_kept_from_this_one_does(after: int, how: str) -> None:
    def read(item: tuple[str, int]) -> tuple[tuple[str, int], bool]:
        if os.getpid() != HERE and item[1] == after:
            if how == "dies":
                os._exit(9)
            raise MemoryError
        return with_process(item)

    found = list(two_processes.in_two(read, ITEMS, account_of))
    assert found == [((name, number), name != "b" or number >= after) for name, number in ITEMS]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_other_one_without_a_word(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    def read(item: tuple[str, int]) -> tuple[tuple[str, int], bool]:
        if os.getpid() != HERE:
            with suppress(KeyboardInterrupt):  # which would go through all that this process is at
                os.kill(os.getpid(), number)
        return with_process(item)

    heeded = signal.signal(number, signal.default_int_handler)  # as the command line has it
    try:
        found = list(two_processes.in_two(read, ITEMS, account_of))
    finally:
        signal.signal(number, heeded)
    assert found == [(item, True) for item in ITEMS]
    assert capfd.readouterr() == ("", "")


def test_an_error_is_this_ones_too() -> None:
    def read(item: tuple[str, int]) -> str:
        raise ValueError(item)

    with pytest.raises(ValueError, match="'a', 0"):
        list(two_processes.in_two(read, ITEMS, account_of))


def test_results_larger_than_a_pipe_holds() -> None:
    def read(item: tuple[str, int]) -> str:
        return item[0] * 3_000_000

    assert list(two_processes.in_two(read, ITEMS, account_of)) == [name * 3_000_000 for name, _ in ITEMS]


def test_nothing_is_left_of_the_other_where_nobody_wants_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    forked, fork = [], os.fork
    monkeypatch.setattr(os, "fork", lambda: forked.append(fork()) or forked[-1])
    results = two_processes.in_two(with_process, ITEMS, account_of)
    next(results)
    results.close()
    (other,) = forked
    with pytest.raises(ChildProcessError):
        os.waitpid(other, os.WNOHANG)


def test_a_run_is_read_the_same_by_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    units = {}
    for number, account in enumerate(("alpha", "beta", "gamma")):
        own = [group(f"sg-{number}{each}", owner=account, ssh_from=WORLD if each else "") for each in (0, 1)]
        carried = [interface(f"eni-{number}", *own, owner=account, instance=f"i-{number}")]
        for region in ("r-1", "r-2"):
            units[account, region] = unit(own, carried, [instance(f"i-{number}", own[0], name="box")])
    output = open_output(write(tmp_path, units))
    by_one = read_units(output)
    monkeypatch.setattr(two_processes, "are_worth_it", lambda items: True)
    assert read_units(output) == by_one
    assert len(by_one) == 6


@pytest.mark.parametrize(
    ("processors", "threads", "items", "expected"),
    [(2, 1, 50, True), (2, 1, 49, False), (1, 1, 50, False), (2, 2, 50, False)],
)
def test_only_many_are_shared_out_where_there_are_two_processors_and_no_other_thread(
    processors: int, threads: int, items: int, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threading.active_count", lambda: threads)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(processors)), raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert two_processes.are_worth_it(items) is expected
