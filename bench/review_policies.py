"""Times `sg-audit review`: a run of 10,000 groups, and five policies of which each has a port or name changed.

    python bench/review_policies.py [--repeat 5] [--different]

The groups share a few kinds of rules, as groups do; with `--different` no rule is like another, but for those that
the world is in. The first line is the median, in seconds, of the whole command, the last its CPU time.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import run_directory

POLICIES = """policies:
  - {{name: named, resource: aws.security-group, filters: [GroupName: {name}]}}
""" + "".join(
    f"""
  - name: {policy}
    resource: aws.security-group
    metadata: {{{{report: {{{{column: {column}}}}}}}}}
    filters:
      - or:
          - {{{{type: ingress, IpProtocol: tcp, FromPort: {{{{type: value, op: lte, value: {port}}}}},
              ToPort: {{{{type: value, op: gte, value: {port}}}}}, Cidr: 0.0.0.0/0}}}}
          - {{{{type: ingress, IpProtocol: tcp, FromPort: {{{{type: value, op: lte, value: {port}}}}},
              ToPort: {{{{type: value, op: gte, value: {port}}}}}, CidrV6: "::/0"}}}}
          - {{{{type: ingress, IpProtocol: "-1", Cidr: 0.0.0.0/0}}}}
          - {{{{type: ingress, IpProtocol: "-1", CidrV6: "::/0"}}}}
"""
    for policy, column, port in (
        ("ssh", "has_ssh_open_world", "{ssh}"),
        ("https", "https", "{https}"),
        ("database", "database", "{database}"),
        ("dns", "dns", "{dns}"),
    )
)
BEFORE = {"name": "default", "ssh": 22, "https": 443, "database": 5432, "dns": 53}
AFTER = {"name": "service-1", "ssh": 2222, "https": 8443, "database": 3306, "dns": 853}


def main() -> None:
    parser = argparse.ArgumentParser(description="Times `sg-audit review`.")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--different", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_directory.make(folder / "run", accounts=10, regions=4, groups=250, different=options.different)
        policies = folder / "repository" / "policies.yml"
        policies.parent.mkdir()
        policies.write_text(POLICIES.format(**BEFORE))
        git = [
            "git",
            "-C",
            str(policies.parent),
            "-c",
            "user.name=bench",
            "-c",
            "user.email=bench@example.org",
        ]
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "before"]):
            subprocess.run([*git, *words], check=True)
        policies.write_text(POLICIES.format(**AFTER))
        command = [sys.executable, "-m", "reporter", "review", "--base", "HEAD", "-u", str(policies)]
        command += ["-s", str(folder / "run"), "--format", "markdown"]
        seconds, cpu = [], [_cpu()]
        for _ in range(options.repeat):
            started = time.monotonic()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.monotonic() - started)
            cpu.append(_cpu())
        print(f"{statistics.median(seconds):.2f}")
        print("each:", *(f"{each:.2f}" for each in seconds))
        print(f"CPU: {statistics.median(end - begin for begin, end in pairwise(cpu)):.2f}")


def _cpu() -> float:
    """Seconds of CPU of all that has ended, with the workers of a command."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
