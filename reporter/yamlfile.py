"""Reads YAML a person wrote, and says where it is wrong."""

from pathlib import Path
from typing import Any

import yaml

from reporter.errors import InputError


def load(path: Path) -> Any:
    """The content of a YAML file.

    Raises InputError with file and line where it cannot be read or does not parse.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    return parse(content, str(path))


def parse(content: bytes, where: str) -> Any:
    """The content of YAML that came from `where`.

    Raises InputError with that and the line where it does not parse.
    """
    try:
        return yaml.safe_load(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError(f"{where}: not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise InputError(f"{where}{line}: not valid YAML: {problem}") from None
