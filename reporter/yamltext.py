"""Writes YAML for people: in the order given, and quoted where another reader would see a number."""

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True  # a list that is used twice is written twice, without &id001

    def represent_text(self, text: str) -> yaml.ScalarNode:
        # 012345678901 is text to PyYAML, and a number to YAML 1.2: an account id would lose its zero.
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="'" if text.isdigit() else None)


_Dumper.add_representer(str, _Dumper.represent_text)


def dump(data: Any) -> str:
    """The data as YAML, one item or key a line."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf"))
