"""Times `sg-audit review`: a run of 10,000 groups, and five policies of which each has a port or name changed.

    python bench/review_policies.py [--repeat 5]

The groups share a few kinds of rules, as groups do; with rules that are all different it takes longer. The first
line is the median, in seconds, of the whole command.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
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
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_directory.make(folder / "run", accounts=10, regions=4, groups=250)
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
        seconds = []
        for _ in range(options.repeat):
            started = time.monotonic()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.monotonic() - started)
        print(f"{statistics.median(seconds):.2f}")
        print("each:", *(f"{each:.2f}" for each in seconds))


if __name__ == "__main__":
    main()
