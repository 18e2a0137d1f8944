"""The Markdown of a review: nothing in it that an AWS account chose, and never more than a comment holds."""

import html
import re
from dataclasses import replace

import pytest

from reporter.review import render
from reporter.review.changes import Kind
from reporter.review.compare import Found, Gap, PolicyReview, Review
from reporter.review.risk_moves import Move, RiskMoves
from reporter.review.versions import Unread

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "@everyone",
    "https://example.org/x",
    "[link](https://example.org)",
    "```\n<b>out</b>",
    "a | b",
    "`tick` ``ticks`` ````four````",
    "#1 and \u202egnp.exe",
    "</details><script>",
]


def policy(*found: Found, **changes: object) -> PolicyReview:
    plain = PolicyReview(
        name="sg-ssh-world",
        kind=Kind.CHANGED,
        before_name="sg-ssh-world",
        resource="aws.security-group",
        file="policies/20-findings.yml",
        matched_before=0,
        matched_after=len(found),
        newly=found,
        no_longer=(),
        not_evaluable="",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def review(*policies: PolicyReview, gaps: tuple[Gap, ...] = (), unread: tuple[Unread, ...] = ()) -> Review:
    return Review("main", "WORKTREE", "2026-11-23T21:03:55+00:00", 9, policies, gaps, unread, None)


def found(name: str, number: int = 0) -> Found:
    return Found("dev", "111111111111", "eu-west-1", f"sg-{number:017x}", name, (f"tcp 22 from {name}",))


def outside_code(markdown: str) -> str:
    """What of it GitHub reads as Markdown or HTML: all but fenced blocks and code spans."""
    assert len(re.findall(r"^`{3,}", markdown, re.M)) % 2 == 0
    unfenced = re.sub(r"^(`{3,})diff$.*?^\1$", "", markdown, flags=re.M | re.S)
    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", unfenced)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_gets_out_of_its_code_block(name: str) -> None:
    gap = Gap(name, name, "aws.security-group", "denied", name)
    hostile = policy(found(name), not_evaluable="")
    broken = policy(
        not_evaluable=f"filter `value` fails: {name}", name=name, before_name=name, kind=Kind.RENAMED
    )
    unread = Unread(name, name, name)
    text = render.as_markdown(review(hostile, broken, gaps=(gap,), unread=(unread,)))
    plain = render.as_markdown(
        review(policy(found("web")), policy(not_evaluable="x"), gaps=(gap,), unread=(unread,))
    )
    seen = outside_code(text).replace(render.MARKER, "")
    assert "@" not in seen and "://" not in seen and "![" not in seen and "](" not in seen
    assert set(re.findall(r"<[^>]*>", seen)) == {
        "<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>",
    }  # fmt: skip
    # Neither a row nor a line is added.
    assert seen.count("\n| ") == outside_code(plain).replace(render.MARKER, "").count("\n| ")
    assert text.isascii() or "\u202e" not in text
    assert html.unescape(seen).count("<details>") == 3


def test_a_comment_that_is_too_long_is_cut_and_the_rest_counted() -> None:
    many = tuple(found(f"größe-{number}" * 10, number) for number in range(5_000))
    few = tuple(found("few", number) for number in range(3))
    text = render.as_markdown(review(policy(*many), policy(*few, name="sg-few")))
    assert 60_000 < len(text.encode()) <= render.COMMENT_SIZE
    (rest,) = re.findall(r"^… and ([\d,]+) more$", text, re.M)
    listed = text.count("\n+ ") - len(few)
    assert listed + int(rest.replace(",", "")) == len(many)
    assert "5,000 newly matched" in text
    assert text.count("<details>") == text.count("</details>") == 2
    assert text.count("```") == 4


def test_too_many_policies_for_a_comment_are_counted_too() -> None:
    text = render.as_markdown(review(*(policy(name=f"sg-policy-{number}") for number in range(3_000))))
    assert len(text.encode()) <= render.COMMENT_SIZE
    rows = len(re.findall(r"^\| `sg-policy", text, re.M))
    assert f"… and {3_000 - rows:,} more policies" in text


def test_text_has_a_line_a_resource_whatever_its_name() -> None:
    text = render.as_text(review(policy(found("two\nlines \x1b[31m"))))
    assert text.count("\n") == 4
    assert "\x1b" not in text
    assert "two\\u000alines" in text


def test_risk() -> None:
    moved = replace(review(policy()), risk=RiskMoves((Move("critical", "none", 2),), 1))
    assert "risk: 2 groups move: 2 critical → none; of 1 it cannot be told" in render.as_text(moved)
