"""No message holds a secret, whatever form it comes in, and none does harm on a terminal."""

import pytest

from reporter.redaction import redact, redact_lines

# AWS's own examples, and a token of its form.
KEY_ID, KEY = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEMz//////////wEaCXVzLWVhc3QtMSJHMEUCIQDx" + "aB3/+" * 40 + "=="
SIGNATURE = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
SCOPE = f"Credential={KEY_ID}/20150830/us-east-1/iam/aws4_request"


@pytest.mark.parametrize(
    "text, expected",
    [
        (f"key {KEY_ID} is not known", "key [redacted] is not known"),
        (f"it is {KEY}.", "it is [redacted]."),
        (f"token {TOKEN}, they say", "token [redacted], they say"),
        (f"<SecretAccessKey>short</SecretAccessKey><SessionToken>\n {TOKEN}\n</SessionToken>",
         "<SecretAccessKey>[redacted]</SecretAccessKey><SessionToken> [redacted] </SessionToken>"),
        (repr(b"<SessionToken>\n  short</SessionToken>"), r"b'<SessionToken>\n [redacted]</SessionToken>'"),
        ('{"SessionToken": "short", "AccessKeyId":"ASIA1"}',
         '{"SessionToken": "[redacted]", "AccessKeyId":"[redacted]"}'),
        (r'"{\"SecretAccessKey\": \"short\"}"', r'"{\"SecretAccessKey\": \"[redacted]\"}"'),
        ("host:a\nx-amz-security-token:short\n\nhost;x-amz-security-token",
         "host:a x-amz-security-token:[redacted] host;x-amz-security-token"),
        (f"Authorization: AWS4-HMAC-SHA256 {SCOPE}, SignedHeaders=host, Signature={SIGNATURE}",
         "Authorization: [redacted], SignedHeaders=host, Signature=[redacted]"),
        (f"GET /?{SCOPE}&X-Amz-Security-Token=IQo%2Fab&X-Amz-Signature={SIGNATURE}&b=1",
         "GET /?Credential=[redacted]&X-Amz-Security-Token=[redacted]&X-Amz-Signature=[redacted]&b=1"),
        ("Authorization: Bearer abc.def", "Authorization: [redacted]"),
        ("aws_secret_access_key = short\naws_session_token=short",
         "aws_secret_access_key = [redacted] aws_session_token=[redacted]"),
        ("http://user:pass@proxy:3128 refused", "http://[redacted]@proxy:3128 refused"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- then", "[redacted] then"),
        ("invalid XML received. Further retries may succeed:\nb'<a>'",
         "invalid XML received. Further retries may succeed: (its text is left out)"),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_left_out(text: str, expected: str) -> None:
    assert redact(text) == expected
    assert expected.replace(" ", "") in redact_lines(text).replace(" ", "").replace("\n", "")


def test_what_the_environment_holds_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-password-like-any")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "region")
    assert redact("a-password-like-any of region eu-west-1") == "[redacted] of region eu-west-1"


@pytest.mark.parametrize(
    "text",
    [
        "User: arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Administrator_0123456789abcdef/some.one@x.com "
        "is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/sg-audit",
        "Check your AWS Secret Access Key and signing method.",
        "The security token included in the request is invalid",
        "/tmp/pytest-of-someone/pytest-0/test_some_long_name0/output/20261123T205003Z/dev/us-east-1/x/resources.json",
        "Error when retrieving credentials from custom-process: no",
        "commit ccad7170c5e2d4b1a6f8093b7d5e6f7a8b9c0d1e",
        "Größe: ½ – naïve… 日本語",
    ],
)
def test_all_else_is_told_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_it_is_one_line_of_no_great_length() -> None:
    assert redact("a\n\tb\r\n\r\n  c") == "a b c"
    assert redact("word " * 1000) == ("word " * 120)[:599].rstrip() + "…"
    assert redact(f"{'word ' * 5000}{KEY}", 100_000).endswith("word")  # what is not looked at is not told
    assert redact_lines("a\n  b") == "a\n  b"


def test_nothing_acts_on_the_terminal() -> None:
    text = "a\x1b[31mred\x1b]0;title\x07 \u202eevil\u200b\x00\x9b2J\udcff\u2028b"
    assert redact(text) == "ared evil2J b"
    assert redact_lines(f"{text}\nc") == "ared evil2J\nb\nc"


@pytest.mark.parametrize("text", ["A", "Ab1/", "secret access key ", "=>:", "x-", "\\", "<!--", "://a:"])
def test_no_text_takes_long(text: str) -> None:
    assert len(redact(text * 100_000)) <= 600
