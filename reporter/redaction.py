"""What may be told of an error: no secret, no body of an answer, no control characters, and not at any length.

Every message of AWS, of botocore or of a person's own configuration passes `redact` on its way into a cell, a
log or the terminal.
"""

import os
import re
import unicodedata

REDACTED = "[redacted]"

#: Longer messages end in an ellipsis: what AWS says with a reason to it is shorter.
LENGTH = 600

_LONGEST = 20_000  # of a text that is looked at; what comes after is left out
_SHORTEST_SECRET = 16  # of one in the environment: a shorter one is a word that messages may hold
_IN_ENVIRONMENT = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")

_NAMES = "|".join(
    (
        r"(?:aws[-_ ]?)?secret[-_ ]?(?:access[-_ ]?)?key",
        r"(?:aws[-_ ]?|x-amz-)?(?:session|security)[-_ ]?token",
        r"(?:aws[-_ ]?)?access[-_ ]?key(?:[-_ ]?id)?",
        r"(?:access|refresh|id|bearer|web[-_ ]?identity)[-_ ]?token",
        r"(?:x-amz-)?signature",
        r"saml[-_ ]?assertion",
        r"client[-_ ]?secret",
        r"(?:proxy-)?authorization",
        r"token[-_ ]?code",
        r"password|passwd|api[-_ ]?key",
    )
)
# What is told apart by its form, and what by the name before it: in JSON, XML, a query, a header, a config file.
_PATTERNS = (
    (
        re.compile(r"(?<=Further retries may succeed:).*", re.S),
        " (its text is left out)",
    ),  # botocore's parser
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|$)", re.S), REDACTED),
    (re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"), REDACTED),  # of a proxy
    (
        re.compile(
            rf"\b((?:{_NAMES})\\*[\"']?\s*(?:[:=>]|%3D)(?:\s|\\[nrt])*(?:b?\\*[\"'])?|\bcredential=|\bbearer\s)"
            r"(?:(?:Bearer|Basic|Negotiate|AWS4-HMAC-SHA256)\s+)?(?:[^\s\"'<>&,;)}\]\\]|\\(?![\"']))+",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    (re.compile(r"\b(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[A-Z0-9]{12,}"), REDACTED),
    # A session token, also as it stands in a URL or a web token: long, without a word's or a path's marks.
    (re.compile(r"(?<![\w+/%-])(?=[\w+/%-]*[A-Z])(?:[A-Za-z0-9+/]{80,}|[\w%-]{80,})={0,2}"), REDACTED),
    # A secret key: forty letters of either case and digits.
    (
        re.compile(
            r"(?<![A-Za-z0-9/+=])(?=[a-z0-9/+]*[A-Z])(?=[A-Z0-9/+]*[a-z])(?=[A-Za-z/+]*[0-9])"
            r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
        ),
        REDACTED,
    ),
    (re.compile(r"(?<![\w-])[0-9a-f]{64}(?![\w-])"), REDACTED),  # a signature
)

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -~]")
_LEFT_OUT = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, marks that turn or hide text, halves of characters


def redact(text: object, length: int = LENGTH) -> str:
    """The text of an error on one line, without what looks like a secret, and cut to a length."""
    return _cut(_without_secrets(without_controls(" ".join(str(text)[:_LONGEST].split()))), length)


def redact_lines(text: str) -> str:
    """The lines of a log, each without what looks like a secret."""
    if len(text) > _LONGEST:  # a line that is cut could end in half a secret, which looks like none
        text = text[:_LONGEST].rpartition("\n")[0] + "\n…"
    return _without_secrets("\n".join(map(without_controls, text.splitlines())))


def without_controls(text: str) -> str:
    """The text without what a terminal would act on, or would show as something else.

    Line breaks and tabs become blanks.
    """
    if text.isprintable():
        return text
    text = _ESCAPES.sub("", text)
    return "".join(
        " " if char in "\n\r\t\v\f\x85\u2028\u2029" else char
        for char in text
        if char in "\n\r\t\v\f\x85\u2028\u2029" or unicodedata.category(char) not in _LEFT_OUT
    )


def _without_secrets(text: str) -> str:
    for name in _IN_ENVIRONMENT:
        secret = os.environ.get(name, "")
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, REDACTED)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
