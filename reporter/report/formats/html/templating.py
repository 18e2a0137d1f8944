"""The templates of the page. What they are given stands in the page as text."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

_FOLDER = "templates"

# What turns the direction of writing, controls a terminal or does not show: a name could read as another.
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]"
)


def render(template: str, **values: Any) -> str:
    """A template with values. Texts are escaped; each character that does not show becomes a mark."""
    return _environment.get_template(template).render(**values)


def source(name: str) -> str:
    """A file of the templates, as it is."""
    return Path(__file__).with_name(_FOLDER).joinpath(name).read_text(encoding="utf-8")


def _visible(value: Any) -> Any:
    return _INVISIBLE.sub("\ufffd", value) if type(value) is str else value


def _advice(text: str) -> Markup:
    """A text in which a command stands between backticks, as HTML."""
    parts = (
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(_visible(text).split("`"))
    )
    return Markup("").join(parts)


_environment = Environment(
    loader=PackageLoader(__package__, _FOLDER),
    autoescape=True,
    finalize=_visible,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["advice"] = _advice
