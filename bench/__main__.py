"""Benchmarks, side by side in one run: medians and ratios.

    python bench [collect] [tls] [report] [s3] [grow] [s3-all] [grow-groups] [dask]

collect: stock c7n-org, a plain boto3 script and sg-audit over 25 accounts × 4 regions, AWS 80 ms away.
tls: the same over https, as AWS is spoken to, with the usual 140 authorities to trust, once.
report: sg-audit against json.load and to_excel on 100,000 groups, once.
s3: a report on 20,000 objects of S3 30 ms away, in each layout that Custodian leaves there, once.
grow: sg-audit as accounts and groups in a region grow, once each.

Without a name all of these run, in less than half an hour. By name only:

s3-all: the same as s3 with 200,000 objects.
grow-groups: 1,000 groups in each account and region.
dask: 400 accounts × 4 regions over two local Dask workers, and over as many processes of the local pool.

What grow, grow-groups and dask measure goes into growth.json and growth.svg, see growth.py. ROUNDS=5 sets how often
collect runs. SCALE=0.1 takes a tenth of the accounts, to see whether all of it runs; then nothing is kept.
"""

import json
import os
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from functools import partial
from pathlib import Path

import dask_cluster
import growth
import run_directory
from distant_aws import REGIONS
from growth import Row
from measure import Figures, cpu, measure

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SCALE = float(os.environ.get("SCALE", "1"))
DASK_WORKERS, DASK_PROCESSES = 2, 6  # of each worker
ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


def scaled(number: int) -> int:
    """A number of accounts, or what SCALE makes of it."""
    return max(1, round(number * SCALE))


@contextmanager
def distant_aws(groups: int = 40, bundle: Path | None = None) -> Iterator[str]:
    """An AWS 80 ms away; its URL. With a bundle it speaks https, and the file says whom to trust."""
    program = [str(ROOT / "bench" / "distant_aws.py"), "--groups", str(groups)]
    with served(program + (["--tls", str(bundle)] if bundle else [])) as url:
        yield url


@contextmanager
def served(program: Sequence[str]) -> Iterator[str]:
    """The URL that a server of this folder prints, as long as it runs."""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, *program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.kill()


def stats(url: str) -> dict:
    """What the server was asked so far, and the CPU seconds it took."""
    anyone = ssl.create_default_context()
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(f"{url}/stats", context=anyone) as answer:
        return json.load(answer)


def accounts_file(folder: Path, accounts: int, regions: int) -> None:
    """accounts.yml in the folder, by role."""
    entries = [
        {
            "name": f"account-{number:04d}",
            "account_id": f"{number:012d}",
            "role": f"arn:aws:iam::{number:012d}:role/audit",
            "regions": REGIONS[:regions],
        }
        for number in range(1, accounts + 1)
    ]
    (folder / "accounts.yml").write_text(json.dumps({"accounts": entries}))


def environment(url: str, home: Path) -> dict[str, str]:
    """No AWS but the one at the URL."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "C7N_"))}
    return kept | {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
    }


def commands(home: Path, output: Path) -> dict[str, list[str]]:
    """The three ways to ask the same."""
    accounts = str(home / "accounts.yml")
    return {
        "c7n-org": [
            *(str(BIN / "c7n-org"), "run", "-c", accounts, "-u", str(home / "all.yml"), "-s", str(output)),
            *("--cache-path", str(home / "cache")),
        ],
        "boto3, 16 threads": [
            *(sys.executable, str(ROOT / "bench" / "plain_boto3.py"), accounts, str(output), "16"),
        ],
        "sg-audit": [
            *(sys.executable, "-m", "reporter", "run", "-c", accounts, "-u", str(ROOT / "policies")),
            *("-s", str(output)),
        ],
    }


def answers(output: Path) -> dict[str, str]:
    """What each policy found, without regard to order."""
    root = output / "latest" if (output / "latest").exists() else output
    return {
        str(path.parent.relative_to(root)): json.dumps(
            sorted(json.loads(path.read_text()), key=lambda each: json.dumps(each, sort_keys=True)),
            sort_keys=True,
        )
        for path in root.glob("*/*/*/resources.json")
    }


def collect(rounds: int = ROUNDS, *, tls: bool = False) -> None:
    """Wall, CPU, memory and calls of each way, in turn, so many times."""
    taken: dict[str, list[Figures]] = {}
    calls: dict[str, int] = {}
    found: dict[str, dict[str, str]] = {}
    server_share = 0.0
    with (
        tempfile.TemporaryDirectory() as folder,
        distant_aws(bundle=Path(folder, "ca") if tls else None) as url,
    ):
        home = Path(folder)
        accounts_file(home, scaled(25), 4)
        env = environment(url, home) | ({"AWS_CA_BUNDLE": str(home / "ca")} if tls else {})
        printed = subprocess.run(
            [sys.executable, "-m", "reporter", "policies", "-u", str(ROOT / "policies")],
            env=env, cwd=ROOT, stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
        (home / "all.yml").write_bytes(printed.stdout)
        for _ in range(rounds):
            for name, command in commands(home, home / "output").items():
                shutil.rmtree(home / "output", ignore_errors=True)
                shutil.rmtree(home / "cache", ignore_errors=True)
                (home / "cache").mkdir()
                before = stats(url)
                figures = measure(command, env, ROOT)
                after = stats(url)
                taken.setdefault(name, []).append(figures)
                calls[name] = sum(after["calls"].values()) - sum(before["calls"].values())
                server_share = max(
                    server_share, (after["cpu_seconds"] - before["cpu_seconds"]) / max(figures.cpu, 0.01)
                )
                found.setdefault(name, answers(home / "output"))
                assert after["mixed_up"] == 0
    show(
        f"{scaled(25)} accounts × 4 regions, AWS 80 ms away{', over https' if tls else ''}",
        taken,
        "c7n-org",
        calls,
    )
    print(f"same answers in all {len(found['c7n-org'])} cells: {found['c7n-org'] == found['sg-audit']}")
    print(f"the server's CPU time is at most {server_share:.1%} of a run's\n")


def report(rounds: int = ROUNDS) -> None:
    """Reading and joining alone, and the whole workbook, of 100,000 groups."""
    ways = {
        "read and join": ["--no-workbook"],
        "workbook": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        run_directory.make(run, scaled(100), 4, 250)
        for title, options in ways.items():
            taken: dict[str, list[Figures]] = {}
            for _ in range(rounds):
                plain = [
                    sys.executable,
                    str(ROOT / "bench" / "plain_report.py"),
                    str(run),
                    f"{folder}/plain.xlsx",
                ]
                ours = [sys.executable, str(ROOT / "bench" / "read_and_join.py"), str(run)]
                if not options:
                    ours = [
                        sys.executable,
                        "-m",
                        "reporter",
                        "report",
                        "-s",
                        str(run),
                        "-o",
                        f"{folder}/reports",
                    ]
                env = environment("http://127.0.0.1:1", Path(folder))
                taken.setdefault("json.load, pandas", []).append(measure([*plain, *options], env, ROOT))
                taken.setdefault("sg-audit", []).append(measure(ours, env, ROOT))
            show(f"{scaled(100) * 1000:,} groups, {title}", taken, "json.load, pandas")


def s3(accounts: int) -> None:
    """A report to CSV on what a run of so many accounts × 17 regions left in S3."""
    accounts = scaled(accounts)
    print(f"\nsg-audit report -f csv from S3, 30 ms away, {accounts} accounts × 17 regions (once each)\n")
    print("| written by | objects | listings | reads | wall s | CPU s | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for layout, of in (("c7n-org", accounts), ("custodian", 1), ("sg-audit", accounts)):
        program = [str(ROOT / "bench" / "distant_s3.py"), "--layout", layout, "--accounts", str(of)]
        if layout == "custodian":  # one account alone: an hour for each of the others
            program += ["--hours", str(accounts)]
        with served(program) as url, tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "reporter", "report", "-s", f"s3://bench/{layout}", "-f", "csv"]
            figures = measure([*command, "-o", folder], environment(url, Path(folder)), ROOT)
            seen = stats(url)
        print(
            f"| {layout} | {seen['objects']:,} | {seen['calls']['GET list']:,} | {seen['calls']['GET object']:,} "
            f"| {figures.wall:.1f} | {figures.cpu:.1f} | {figures.memory:,.0f} |",
            flush=True,
        )


def grow(sizes: Sequence[tuple[int, int, int]]) -> None:
    """sg-audit alone, over so many accounts × regions with so many groups in each.

    What its first process takes of all CPU is planning, progress, the manifest, and opening the accounts.
    """
    rows = []
    for accounts, regions, groups in sizes:
        accounts = scaled(accounts)
        with distant_aws(groups) as url, tempfile.TemporaryDirectory() as folder:
            accounts_file(Path(folder), accounts, regions)
            command = commands(Path(folder), Path(folder, "output"))["sg-audit"]
            figures = measure(command, environment(url, Path(folder)), ROOT)
        rows.append(Row("local pool", accounts, regions, groups, *astuple(figures)))
        print(f"{rows[-1]}", flush=True)
    keep(rows)


def dask() -> None:
    """400 accounts × 4 regions, over a local Dask cluster and over as many processes of the local pool."""
    accounts, regions, groups = scaled(400), 4, 40
    rows = []
    with distant_aws(groups) as url, tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        accounts_file(home, accounts, regions)
        command = commands(home, home / "output")["sg-audit"]
        env = environment(url, home)
        workers = {"C7N_ORG_PARALLEL": str(DASK_WORKERS * DASK_PROCESSES)}
        figures = measure(command, env | workers, ROOT)
        rows.append(Row("local pool", accounts, regions, groups, *astuple(figures)))
        here = answers(home / "output")
        print(f"{rows[-1]}", flush=True)
        shutil.rmtree(home / "output")
        with dask_cluster.running(env, home, DASK_WORKERS, DASK_PROCESSES) as (address, pids):
            # A cluster stays, so what each process imports at its first unit is no part of a run.
            accounts_file(home, DASK_WORKERS * DASK_PROCESSES, regions)
            measure([*command, "--scheduler", address], env, ROOT)
            shutil.rmtree(home / "output")
            print(f"to start the cluster, until each process has worked: {cpu(pids):.1f} CPU s", flush=True)
            accounts_file(home, accounts, regions)
            figures = measure([*command, "--scheduler", address], env, ROOT, pids)
        rows.append(Row("Dask", accounts, regions, groups, *astuple(figures)))
        print(f"{rows[-1]}", flush=True)
        there = answers(home / "output")
    print(f"same answers in all {len(here)} cells: {here == there}")
    keep(rows)


def keep(rows: Sequence[Row]) -> None:
    """Show the rows, and keep them for the picture where they are of full size."""
    print(f"\nsg-audit run, as it grows (once each)\n\n{growth.table(rows)}\n", flush=True)
    if SCALE == 1:
        growth.keep(rows)


def show(
    title: str, taken: dict[str, list[Figures]], against: str, calls: dict[str, int] | None = None
) -> None:
    """A table of medians, with the ratio of the wall time of `against` to each."""
    base = statistics.median(each.wall for each in taken[against])
    print(f"\n{title} (median of {len(next(iter(taken.values())))})\n")
    print("| | wall s | times as fast | CPU s | peak MiB | calls |\n| --- | --- | --- | --- | --- | --- |")
    for name, figures in taken.items():
        wall, cpu, memory = (
            statistics.median(getattr(each, figure) for each in figures)
            for figure in ("wall", "cpu", "memory")
        )
        number = calls[name] if calls else ""
        print(
            f"| {name} | {wall:.1f} | {base / wall:.1f} | {cpu:.1f} | {memory:,.0f} | {number} |", flush=True
        )


def main(names: Sequence[str]) -> None:
    every = {
        "collect": collect,
        "tls": partial(collect, rounds=1, tls=True),
        "report": partial(report, rounds=1),
        "s3": partial(s3, 21),
        "grow": partial(grow, [(25, 4, 40), (50, 4, 40), (100, 4, 40), (200, 4, 40), (25, 4, 200)]),
    }
    by_name = {"s3-all": partial(s3, 210), "grow-groups": partial(grow, [(25, 4, 1000)]), "dask": dask}
    for name in names or every:
        (every | by_name)[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
