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
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise InputError(f"{path}{line}: not valid YAML: {problem}") from None
