"""Policies as YAML in which Custodian fills nothing in: what a person wrote into AWS may hold braces.

Custodian fills in what stands in braces in the whole file where `--vars-file` is given (c7n.utils.load_file), and then
in every text of a policy before it runs (c7n.policy.Policy.expand_variables), where `{now.__init__}` is a variable too.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]
    """Writes no aliases, and texts with braces in double quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> Any:
    style = '"' if "{" in text or "}" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(policies: Sequence[Mapping[str, Any]]) -> str:
    """Policies as items of a list in YAML, ASCII alone."""
    if not policies:
        return ""
    text = yaml.dump(_unfilled(list(policies)), Dumper=_Dumper, sort_keys=False, width=1_000_000)
    # All braces are within double quotes, where an escape stands for them.
    return text.replace("{", "\\x7B").replace("}", "\\x7D")


def _unfilled(value: Any) -> Any:
    """The same, with braces doubled: two stand for one where the texts are filled in."""
    if isinstance(value, dict):
        return {key: _unfilled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_unfilled(each) for each in value]
    return value.replace("{", "{{").replace("}", "}}") if isinstance(value, str) else value
