"""Reads and joins a run directory, and stops there.

python bench/read_and_join.py FOLDER
"""

import sys
from pathlib import Path

from reporter.findings.assess import assess
from reporter.inventory.audit import read_audit
from reporter.output.reading import open_output


def main() -> None:
    audit, inventory = read_audit(open_output(Path(sys.argv[1])))
    print(len(assess(inventory, audit.output.policies).groups))


if __name__ == "__main__":
    main()
