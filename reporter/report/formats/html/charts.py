"""The charts of the page: where the bars of a chart are, in the units of its SVG."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reporter.report.overview_charts import NOT_READ, Block
from reporter.report.overview_words import both_ends

_LABEL = 24  # characters
_ROW, _BAR = 22, 14
_LEFT, _WIDTH = 165, 150  # of the longest bar; what it is in numbers stands on its right
_COLUMN, _COLUMN_WIDTH, _HEIGHT = 44, 22, 110
_TOP = 16

# At the end of an account's label.
_POSSIBLE = re.compile(r" \((\+[\d,]+ possible)\)$")


@dataclass(frozen=True)
class Part:
    """A part of a bar: a rectangle."""

    series: str
    value: float
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Bar:
    """A bar with its label, what it is in all, which stands at its end, and its parts. `x` is its end, or the middle of
    a column."""

    label: str
    told: str
    x: float
    y: float
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Chart:
    """A chart of so many units, whose bars begin at `left`; `upright` says that they are columns."""

    title: str
    series: tuple[str, ...]
    width: int
    height: int
    bars: tuple[Bar, ...]
    left: int
    upright: bool


def bars(block: Block) -> Chart:
    """A bar a row, from left to right. That of all other accounts is their average, with their sum at its end."""
    by_name = [values for number, (_, values) in enumerate(block.rows) if number != block.others]
    longest = max(map(sum, by_name), default=0) or 1
    found = []
    for number, (label, values) in enumerate(block.rows):
        scale = _WIDTH / max(longest, sum(values))
        x, y = float(_LEFT), number * _ROW
        parts = []
        for series, value in zip(block.series, values, strict=True):
            parts.append(Part(series, value, round(x, 1), y, round(value * scale, 1), _BAR))
            x += value * scale
        name, told = label.removesuffix(f" ({NOT_READ})"), _told(parts)
        if number == block.others:
            name, _, told = label.partition(": ")
        elif possible := _POSSIBLE.search(name):
            name, told = name[: possible.start()], f"{told}, {possible[1]}"
        found.append(Bar(both_ends(name, _LABEL), told, round(x, 1), y, tuple(parts)))
    width, height = _LEFT + _WIDTH + 80, len(block.rows) * _ROW
    return Chart(block.title, block.series, width, height, tuple(found), _LEFT, upright=False)


def columns(block: Block) -> Chart:
    """A column a row, from the ground up. There is room for the end of a label: month and day, or a time."""
    scale = _HEIGHT / (max((sum(values) for _, values in block.rows), default=0) or 1)
    ground = _TOP + _HEIGHT
    found = []
    for number, (label, values) in enumerate(block.rows):
        middle, y = (number + 0.5) * _COLUMN, float(ground)
        parts = []
        for series, value in zip(block.series, values, strict=True):
            y -= value * scale
            x = middle - _COLUMN_WIDTH / 2
            parts.append(Part(series, value, x, round(y, 1), _COLUMN_WIDTH, round(value * scale, 1)))
        found.append(Bar(label[-5:], _told(parts), middle, round(y, 1), tuple(parts)))
    width, height = max(len(block.rows), 1) * _COLUMN, ground + 18
    return Chart(block.title, block.series, width, height, tuple(found), 0, upright=True)


def _told(parts: Sequence[Part]) -> str:
    """How many groups a bar stands for."""
    if any(part.series == NOT_READ and part.value for part in parts):
        return NOT_READ
    return f"{sum(part.value for part in parts):,}"
