"""The pages that people read, as tests need them: links, tables, code, and the commands in it."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
README, DOCS = ROOT / "README.md", ROOT / "docs"

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_HEREDOC = re.compile(r"<<'(\w+)'")
_OPERATORS = {";", "|", "||", "&", "&&"}


@dataclass(frozen=True)
class Command:
    """A command of a shell block: its words, what a here-document gives it, and the file that `>` names."""

    words: tuple[str, ...]
    stdin: str = ""
    stdout: str = ""

    def __str__(self) -> str:
        return shlex.join(self.words)


@dataclass(frozen=True)
class Page:
    """A Markdown page, read as GitHub reads it."""

    path: Path
    text: str = field(repr=False)

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def tokens(self) -> list[Token]:
        return _MARKDOWN.parse(self.text)

    def code(self, language: str) -> list[str]:
        """The fenced blocks in a language."""
        return [token.content for token in self.tokens if token.type == "fence" and token.info == language]

    @property
    def commands(self) -> list[Command]:
        """Every command of the shell blocks, in order."""
        return [command for script in self.code("sh") for command in commands(script)]

    @property
    def spans(self) -> list[str]:
        """What stands as code in the text."""
        return [child.content for child in self._inline() if child.type == "code_inline"]

    @property
    def links(self) -> list[str]:
        """Where links and pictures lead."""
        found = [child.attrGet("href") or child.attrGet("src") for child in self._inline()]
        return [str(link) for link in found if link]

    @property
    def anchors(self) -> set[str]:
        """What GitHub makes of the headings: https://github.com/gjtorikian/html-pipeline, its TOC filter."""
        inside = zip(self.tokens, self.tokens[1:], strict=False)
        heads = [plain(text) for token, text in inside if token.type == "heading_open"]
        return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}

    @cached_property
    def every_table(self) -> list[list[list[str]]]:
        """The rows of each table, its head first, as cells in Markdown."""
        found: list[list[list[str]]] = []
        for token, inside in zip(self.tokens, self.tokens[1:], strict=False):
            if token.type == "table_open":
                found.append([])
            elif token.type == "tr_open":
                found[-1].append([])
            elif token.type in ("th_open", "td_open"):
                found[-1][-1].append(inside.content)
        return found

    def tables(self, *head: str) -> list[list[list[str]]]:
        """The tables whose first columns are called so, without their heads."""
        return [rows for first, *rows in self.every_table if tuple(first[: len(head)]) == head]

    def _inline(self) -> Iterator[Token]:
        for token in self.tokens:
            yield from token.children or ()


def read(path: Path) -> Page:
    return Page(path, path.read_text(encoding="utf-8"))


def spans(cell: str) -> list[str]:
    """What stands as code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def plain(token: Token) -> str:
    """A line without its markup."""
    return "".join(child.content for child in token.children or ())


def commands(script: str) -> Iterator[Command]:
    """The commands of a script as simple as those of the pages: no loops, no functions, no substitutions."""
    lines = iter(script.replace("\\\n", " ").splitlines())
    for line in lines:
        found = _HEREDOC.search(line)
        stdin = ""
        if found:
            line = line.replace(found[0], "")
            while (text := next(lines)) != found[1]:
                stdin += text + "\n"
        reader = shlex.shlex(line, posix=True, punctuation_chars=True)
        reader.whitespace_split = True
        words: list[str] = []
        for word in [*reader, ";"]:
            if word not in _OPERATORS:
                words.append(word)
            elif words:
                yield _command(words, stdin)
                words = []


def _command(words: list[str], stdin: str) -> Command:
    while "=" in words[0]:  # a variable for the command alone
        words = words[1:]
    stdout = ""
    if ">" in words:
        at = words.index(">")
        stdout, words = words[at + 1], words[:at]
    return Command(tuple(words), stdin, stdout)
