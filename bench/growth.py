"""What a run costs as it grows: the figures that were measured, a table of them and a picture.

    python bench/growth.py

Draws growth.svg from growth.json again, and prints the table.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import log10
from pathlib import Path

import msgspec

FIGURES, PICTURE = (Path(__file__).parent / name for name in ("growth.json", "growth.svg"))


@dataclass(frozen=True)
class Row:
    """One run. `wall` and `cpu` are seconds, `first` those of CPU that its first process took, `memory` is MiB."""

    by: str
    accounts: int
    regions: int
    groups: int
    wall: float
    cpu: float
    first: float
    memory: float

    @property
    def units(self) -> int:
        """Accounts and regions."""
        return self.accounts * self.regions

    @property
    def each(self) -> float:
        """CPU milliseconds for each of them."""
        return self.cpu / self.units * 1000


def read() -> list[Row]:
    """All that were kept."""
    return msgspec.json.decode(FIGURES.read_bytes(), type=list[Row]) if FIGURES.exists() else []


def keep(rows: Sequence[Row]) -> None:
    """Put the rows in the place of older ones of the same size, and draw the picture."""
    by_size = {(row.by, row.accounts, row.regions, row.groups): row for row in (*read(), *rows)}
    kept = sorted(by_size.values(), key=lambda row: (row.groups, row.units, row.by != "local pool"))
    FIGURES.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    PICTURE.write_text(picture(kept))


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = [
        "| accounts × regions, groups in each | over | wall s | CPU s | CPU ms each | of it the first process | "
        "peak MiB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += (
        f"| {row.accounts} × {row.regions}, {row.groups:,} | {row.by} | {row.wall:.1f} | {row.cpu:.1f} "
        f"| {row.each:,.0f} | {row.first / row.units * 1000:.0f} | {row.memory:,.0f} |"
        for row in rows
    )
    return "\n".join(lines)


# The picture: what each costs on the left, how long all of them take on the right.

_WIDTH, _HEIGHT = 880, 380
_TOP, _BOTTOM = 60, 320
_LEFT_PLOT, _RIGHT_PLOT = (70, 350), (460, 720)
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f } .head { font-weight: 600; font-size: 14px }
.axis { stroke: #8c959f } .grid { stroke: #8c959f; opacity: .25 } .limit { stroke: #8c959f; stroke-dasharray: 2 3 }
.a { stroke: #0969da; fill: #0969da } .b { stroke: #bc4c00; fill: #bc4c00 } .c { stroke: #1a7f37; fill: #1a7f37 }
text.a, text.b, text.c { stroke: none } polyline { stroke-width: 2; fill: none !important }
.told { stroke-dasharray: 6 4 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .a { stroke: #58a6ff; fill: #58a6ff } .b { stroke: #f0883e; fill: #f0883e }
  .c { stroke: #56d364; fill: #56d364 }
}
"""


@dataclass(frozen=True)
class _Axes:
    """Two logarithmic axes, from and to which value, and where they lie in the picture."""

    x: tuple[float, float]
    y: tuple[float, float]
    plot: tuple[int, int]

    def at(self, x: float, y: float) -> tuple[float, float]:
        return _place(x, self.x, self.plot), _place(y, self.y, (_BOTTOM, _TOP))

    def frame(self, x_ticks: dict[float, str], y_ticks: dict[float, str], x_name: str) -> Iterator[str]:
        left, right = self.plot
        for value, name in y_ticks.items():
            _, y = self.at(self.x[0], value)
            yield f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield _text(left - 6, y + 4, name, anchor="end")
        for value, name in x_ticks.items():
            x, _ = self.at(value, self.y[0])
            yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{_BOTTOM}" y2="{_BOTTOM + 4}"/>'
            yield _text(x, _BOTTOM + 18, name, anchor="middle")
        yield f'<line class="axis" x1="{left}" x2="{right}" y1="{_BOTTOM}" y2="{_BOTTOM}"/>'
        yield _text((left + right) / 2, _BOTTOM + 38, x_name, anchor="middle")

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> Iterator[str]:
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*point) for point in points))
        yield f'<polyline class="{kind}" points="{places}"/>'

    def dots(self, points: Sequence[tuple[float, float]], kind: str) -> Iterator[str]:
        for x, y in (self.at(*point) for point in points):
            yield f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'


def _place(value: float, between: tuple[float, float], pixels: tuple[int, int]) -> float:
    low, high = (log10(each) for each in between)
    return pixels[0] + (log10(value) - low) / (high - low) * (pixels[1] - pixels[0])


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def picture(rows: Sequence[Row]) -> str:
    """An SVG that is readable on light and dark; empty axes where too little was measured."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="What a run costs as it grows"><style>{_STYLE}</style>',
        *_cost(rows),
        *_time(rows),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _cost(rows: Sequence[Row]) -> Iterator[str]:
    yield _text(_LEFT_PLOT[0] - 40, 24, "CPU for each account and region", kind="head")
    axes = _Axes((80, 2000), (100, 10_000), _LEFT_PLOT)
    yield from axes.frame(
        {100: "100", 200: "200", 400: "400", 800: "800", 1600: "1,600"},
        {100: "0.1 s", 300: "0.3 s", 1000: "1 s", 3000: "3 s", 10_000: "10 s"},
        "accounts and regions",
    )
    for by, kind in (("local pool", "a"), ("Dask", "c")):
        of = [(row.units, row.each) for row in rows if row.groups == 40 and row.by == by]
        if of:
            yield from axes.line(of, kind)
            yield from axes.dots(of, kind)
            x, y = axes.at(*of[-1])
            lower = y - 10 if len(of) == 1 else y + 20  # a dot alone may lie above the line
            yield _text(x, lower, f"40 groups, {by}", kind, "end")
    for row in rows:
        if row.groups != 40:
            yield from axes.dots([(row.units, row.each)], "b")
            x, y = axes.at(row.units, row.each)
            yield _text(x + 9, y + 4, f"{row.groups:,} groups in each", "b")


# Accounts and regions up to which times are told, and what a run may take.
_MOST, _HOUR = 100_000, 3600.0
_CORES = (2, 16)


def _time(rows: Sequence[Row]) -> Iterator[str]:
    yield _text(_RIGHT_PLOT[0] - 50, 24, "How long a run takes, 40 groups in each", kind="head")
    axes = _Axes((80, _MOST), (5, 40_000), _RIGHT_PLOT)
    yield from axes.frame(
        {100: "100", 1000: "1,000", 10_000: "10,000", _MOST: "100,000"},
        {10: "10 s", 60: "1 min", 600: "10 min", _HOUR: "1 h", 10 * _HOUR: "10 h"},
        "accounts and regions",
    )
    local, dask = (
        [row for row in rows if row.groups == 40 and row.by == by] for by in ("local pool", "Dask")
    )
    yield from axes.dots([(row.units, row.wall) for row in local], "a")
    yield from axes.dots([(row.units, row.wall) for row in dask], "c")
    if len(local) < 2:
        return
    lines = [
        (f"{cores} cores, one machine", "a", _told(lambda units, n=cores: units * local[-1].each / 1000 / n))
        for cores in _CORES
    ]
    # Its share that does not grow is what is imported and planned before the first call.
    small, large = local[0], local[-1]
    more = (large.first - small.first) / (large.units - small.units)
    start = small.first - more * small.units
    lines.append(
        ("the first process alone:\nno cluster is faster", "c", _told(lambda units: start + units * more))
    )
    lowest = _BOTTOM
    for name, kind, points in sorted(lines, key=lambda line: line[2][-1][1]):
        yield from axes.line(points, f"{kind} told")
        lowest = min(lowest, axes.at(*points[-1])[1] + 4)
        for text in reversed(name.split("\n")):
            yield _text(_RIGHT_PLOT[1] + 7, lowest, text, kind)
            lowest -= 15
    end = _HOUR / (local[-1].each / 1000 / _CORES[0])
    (x, y), (left, _) = axes.at(end, _HOUR), axes.at(80, _HOUR)
    yield f'<line class="limit" x1="{left}" x2="{x:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
    yield f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{_BOTTOM}"/>'
    yield _text(x - 8, y - 8, f"2 cores end: {round(end, -3):,.0f} in an hour", anchor="end")


def _told(seconds: Callable[[float], float]) -> list[tuple[float, float]]:
    """A line that is calculated, from 100 accounts and regions on, as far as it is on the picture."""
    sizes = [100 * 10 ** (step / 10) for step in range(31)]
    return [(units, seconds(units)) for units in sizes if seconds(units) >= 5]


def main() -> None:
    rows = read()
    PICTURE.write_text(picture(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
