"""Reads and joins a run directory, and stops there.

python bench/read_and_join.py FOLDER
"""

import sys
from pathlib import Path

from reporter.inventory.audit import read_audit
from reporter.output.reading import open_output


def main() -> None:
    print(len(read_audit(open_output(Path(sys.argv[1]))).inventory.groups))


if __name__ == "__main__":
    main()
