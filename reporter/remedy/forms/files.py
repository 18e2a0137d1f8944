"""The files of a form: what they are called, and that they are their owner's alone."""

import re
from collections.abc import Mapping
from pathlib import Path

from reporter.files import write_whole
from reporter.names import MAX_BYTES, clean, cut, distinct
from reporter.remedy.steps import Plan

#: How the name of a file begins that undoes what the account's own file does.
UNDO = "undo-"

_LONGEST_AROUND = len(f"{UNDO}.tf.txt")


def file_names(plan: Plan) -> list[str]:
    """What the files of each of the accounts are called, without what stands before and after it.

    Told apart in any case, without what a file system or a shell would take for something else.
    """
    wanted = [_file_name(account.account) or account.account_id for account in plan.accounts]
    return list(distinct(wanted, lambda name, end: cut(name, MAX_BYTES - _LONGEST_AROUND - len(end)) + end))


def write_files(folder: Path, contents: Mapping[str, str]) -> tuple[Path, ...]:
    """Write files by their names, in a folder that is made where it is not there; only the owner may read them.

    Raises OSError where that cannot be done.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    paths = tuple(folder / name for name in contents)
    for path, text in zip(paths, contents.values(), strict=True):
        write_whole(path, text.encode())
        path.chmod(0o600)
    return paths


def _file_name(account: str) -> str:
    name = re.sub(r'[\s/\\:*?"<>|]', "_", clean(account))
    name = re.sub(r"^[.-]", "_", name).rstrip(".")
    # No account's own file is called as another's that undoes.
    return f"_{name}" if name.casefold().startswith(UNDO) else name
