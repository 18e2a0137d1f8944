"""What a name may be."""

import pytest

from reporter.names import is_account_id, printable


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("012345678901", True),
        ("01234567890", False),
        ("0123456789012", False),
        ("０１２３４５６７８９０１", False),  # full-width: digits, but none of an ARN or a command
        ("01234567890²", False),
        ("", False),
    ],
)
def test_an_account_id_is_twelve_ascii_digits(text: str, is_one: bool) -> None:
    assert is_account_id(text) is is_one


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größe ok", "größe ok"),
        ("a\u200bb", "a\\u200bb"),
        # Python takes these for printable; nobody sees them.
        ("a\u3164b\u2800c\ufe0fd", "a\\u3164b\\u2800c\\ufe0fd"),
    ],
)
def test_what_does_not_show_is_spelled_out(text: str, shown: str) -> None:
    assert printable(text) == shown
