"""Names: several in one text, told apart whatever their case, and printed without harm."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

#: What most file systems take for the name of a file or folder, in UTF-8.
MAX_BYTES = 255

_NOT_PRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff]"
)

# What Python takes for printable, and no font shows: fillers, joiners, blanks of braille, selectors of variants.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)

_STEM_BYTES = 100  # which leave room for the names of tabs
_NOT_IN_STEMS = re.compile(r'[\\/:*?"<>|]')  # what a share may not take, and what leads elsewhere

_BYTE = re.compile("[\udc80-\udcff]")  # as Python has one in a file's name (PEP 383)


def split(values: Sequence[str]) -> tuple[str, ...]:
    """Values that may be lists themselves, as c7n-org takes them: `us-east-1,us-west-2`."""
    return tuple(dict.fromkeys(part.strip() for value in values for part in value.split(",") if part.strip()))


def clean(text: str) -> str:
    """The text as it can stand in a name, on one line: `_` for each character that cannot.

    Those are control characters and line ends, marks that turn the direction of writing, what is no character at
    all, and the halves of surrogate pairs that stand for the bytes of a file's name that is not UTF-8.
    """
    return text if text.isascii() and text.isprintable() else _NOT_PRINTABLE.sub("_", text)


def file_stem(text: str) -> str:
    """A text as the beginning of files' names, on any file system and in S3. Raises ValueError, with what is wrong."""
    if not text.strip():
        raise ValueError("give a name")
    if text.startswith("."):
        raise ValueError("a name that begins with a dot is hidden")
    if text != text.strip():
        raise ValueError("a name begins and ends with no blank")
    if found := _NOT_IN_STEMS.search(text):
        raise ValueError(f"no file's name has a {found[0]}")
    if clean(text) != text:
        raise ValueError("a name has no control characters, and is UTF-8")
    if len(text.encode()) > _STEM_BYTES:
        raise ValueError(f"a name has at most {_STEM_BYTES} bytes in UTF-8, which leaves room for the tabs")
    return text


def decoded(name: str) -> str:
    """The name of a file or folder as text that can be written: a byte that is not UTF-8 shows as \\xff."""
    return name if name.isascii() else _BYTE.sub(lambda byte: f"\\x{ord(byte[0]) - 0xDC00:02x}", name)


def cut(text: str, size: int) -> str:
    """The beginning of a text, of at most so many bytes in UTF-8."""
    return text if len(text.encode()) <= size else text.encode()[:size].decode("utf-8", "ignore")


def distinct(
    names: Iterable[str], ended: Callable[[str, str], str], taken: Iterable[str] = ()
) -> Iterator[str]:
    """The names, those that are there already, in any case, ended by _2, _3, … as `ended(name, "_2")` does it."""
    seen = {name.casefold() for name in taken}
    # The last one given to a name: of thousands alike each would begin at _2 again.
    numbers: dict[str, int] = {}
    for name in names:
        candidate = ended(name, "")
        first, number = candidate.casefold(), 1
        while candidate.casefold() in seen:
            number = max(number, numbers.get(first, 1)) + 1
            candidate = ended(name, f"_{number}")
        numbers[first] = number
        seen.add(candidate.casefold())
        yield candidate


def printable(text: str, length: int = 300) -> str:
    """The text on one line, of at most `length` characters, with whatever would not show spelled out."""
    shown = text[: length + 1]
    if not shown.isprintable() or _INVISIBLE.search(shown):
        shown = "".join(
            each if each.isprintable() and not _INVISIBLE.match(each) else f"\\u{ord(each):04x}"
            for each in shown
        )
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def is_account_id(text: str) -> bool:
    """Whether a text is the id of an AWS account: twelve ASCII digits."""
    return len(text) == 12 and text.isascii() and text.isdigit()
