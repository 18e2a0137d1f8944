"""The policies that come with this package, for a Custodian deployment of one's own."""

from pathlib import Path

from reporter.errors import InputError
from reporter.files import write_whole

_PACKAGE = Path(__file__).parent.parent


def folder() -> Path:
    """Where they are: a package holds a copy of them, a checkout has them beside the package."""
    packaged = _PACKAGE / "policies"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "policies"


def policy_files() -> list[Path]:
    """The policy files, by name."""
    return sorted(folder().glob("*.yml"))


def copy_policies(target: Path, force: bool) -> list[Path]:
    """Copy the policy files into a folder, made where it is missing, and return the copies.

    Raises InputError where one that is there differs, unless by `force`, and before anything is written.
    """
    copies = {target / file.name: file.read_bytes() for file in policy_files()}
    try:
        for path, content in copies.items():
            if not force and path.exists() and path.read_bytes() != content:
                raise InputError(f"{path}: there is another file of that name; --force writes over it")
        target.mkdir(parents=True, exist_ok=True)
        for path, content in copies.items():
            write_whole(path.resolve(), content)  # a symbolic link stays one
    except OSError as error:
        raise InputError(f"{target}: cannot write there: {error.strerror}") from None
    return list(copies)
