"""What a format wrote into a folder of its own, before it is put in place."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reporter.errors import InputError


@dataclass(frozen=True)
class Staged:
    """`paths` are what the format returned, files or folders; `files` all files of them. Both are relative to
    `folder`, parts joined by slashes."""

    form: str
    folder: Path
    paths: tuple[str, ...]
    files: tuple[str, ...]


@dataclass
class Outcome:
    """What was put in place, what was not and why, and what there is to say of it."""

    placed: list[Staged] = field(default_factory=list)
    failures: dict[str, OSError] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def staged(form: str, stem: Path, written: Sequence[Path]) -> Staged:
    """What a format returned. Raises InputError where it does not lie in the stem's folder under the stem's name."""
    paths: list[str] = []
    files: list[str] = []
    for path in written:
        if path.parts[: len(stem.parts) - 1] != stem.parent.parts or ".." in path.parts:
            raise InputError(f"-f {form}: it wrote {path}, which is not in the folder that it was given")
        name = path.relative_to(stem.parent).as_posix()
        if not name.startswith(stem.name):
            raise InputError(f"-f {form}: it wrote {name}, whose name does not begin with {stem.name}")
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        paths.append(name)
        files += [each.relative_to(stem.parent).as_posix() for each in inside if not each.is_dir()]
    return Staged(form, stem.parent, tuple(paths), tuple(dict.fromkeys(files)))
