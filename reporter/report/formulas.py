"""Keeps a spreadsheet that opens a text file from taking some of it for a formula."""

import re

# A spreadsheet takes what begins so for a formula, in East Asia with full-width signs too:
# https://owasp.org/www-community/attacks/CSV_Injection
_SIGNS = "=+\\-@＝＋－＠"
# Where the list separator is no comma, Excel sees no quotes that begin in the middle of what it takes for a cell: the
# text then goes on in a cell of its own behind each separator, and in a row of its own behind each line end.
_SEPARATORS = ";|\t\r\n"
_BLANK = r"\s\"\ufeff;|"  # what a spreadsheet may pass over, and separators
_BEFORE_SIGN = re.compile(rf"(?:^|(?<![{_BLANK}]))[{_BLANK}]*+(?=[{_SIGNS}])")


def harmless(text: str) -> str:
    """The text with a ' before what would be a formula at its beginning, or where another cell may be seen to begin."""
    if text[:1].isalnum() and not _separated(text):
        return text
    if text.startswith(("\t", "\r", "\n")):
        text = f"'{text}"
    return _BEFORE_SIGN.sub(
        lambda blank: f"{blank[0]}'" if not blank.start() or _separated(blank[0]) else blank[0], text
    )


def _separated(text: str) -> bool:
    return any(separator in text for separator in _SEPARATORS)
