"""DataTables, out of the package itables, which carries it for use without a network.

Its file is an ES module. As an inline module together with the page's own script it needs no loader, and so no `blob:`
in the Content-Security-Policy, as itables' own way into a page does.
"""

import re
from importlib.util import find_spec
from pathlib import Path

from reporter.errors import InputError

_PACKAGE = "itables"
_FILE = Path("html", "dt_bundle.js")
_EXPORT = re.compile(r"\bexport\s*\{([^{}]*)\};?")
_DEFAULT = re.compile(r"([\w$]+) as default")

# What ends a script element, or makes it end elsewhere: https://html.spec.whatwg.org/#restrictions-for-contents-of-script-elements
_HTML = re.compile(r"<(?=!--|/?script)", re.IGNORECASE)


def check() -> None:
    """Raises ModuleNotFoundError where the package is not installed. It is not imported: it is a file of it that is
    needed, and no code."""
    if find_spec(_PACKAGE) is None:
        raise ModuleNotFoundError(f"No module named {_PACKAGE!r}", name=_PACKAGE)


def script() -> str:
    """JavaScript after which `DataTable` is DataTables' own constructor.

    Raises InputError where the installed itables has it in another form.
    """
    spec = find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    path = Path(*folders, _FILE) if folders else _FILE
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"-f html: {path}: {error.strerror}: install the itables that the extra names"
        ) from None
    return from_module(text, str(path))


def from_module(text: str, name: str) -> str:
    """The text of the module without its exports. Raises InputError where it exports no default, or in many places."""
    exports = _EXPORT.findall(text)
    default = _DEFAULT.search(exports[0]) if len(exports) == 1 else None
    if default is None:
        raise InputError(
            f"-f html: {name}: not in the form that is known: install the itables that the extra names"
        )
    code = _EXPORT.sub("", text)
    return _HTML.sub(r"\\x3c", f"{code}\nconst DataTable = {default[1]};")
