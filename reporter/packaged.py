"""The policies that come with this package, for a Custodian deployment of one's own."""

from pathlib import Path

from reporter.errors import InputError

_HERE = Path(__file__).parent


def policy_files() -> list[Path]:
    """The policy files: a package holds a copy of them, a checkout has them beside the package."""
    packaged = _HERE / "policies"
    return sorted((packaged if packaged.is_dir() else _HERE.parent / "policies").glob("*.yml"))


def copy_policies(folder: Path, force: bool) -> list[Path]:
    """Copy the policy files into a folder, made where it is missing, and return the copies.

    Raises InputError where one that is there differs, unless by `force`, and before anything is written.
    """
    copies = {folder / file.name: file.read_bytes() for file in policy_files()}
    try:
        for path, content in copies.items():
            if not force and path.exists() and path.read_bytes() != content:
                raise InputError(f"{path}: there is another file of that name; --force writes over it")
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in copies.items():
            path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{folder}: cannot write there: {error.strerror}") from None
    return list(copies)
