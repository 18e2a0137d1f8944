"""Reads YAML a person wrote, and says where it is wrong; writes YAML for people."""

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


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True  # a list that is used twice is written twice, without &id001

    def represent_text(self, text: str) -> yaml.ScalarNode:
        # 012345678901 is text to PyYAML, and a number to YAML 1.2: an account id would lose its zero.
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="'" if text.isdigit() else None)


_Dumper.add_representer(str, _Dumper.represent_text)


def dump(data: Any) -> str:
    """The data as YAML, one item or key a line, in the order given.

    Quoted where another reader would see a number.
    """
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf"))
