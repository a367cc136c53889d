"""Differences with their intervals as one inline SVG: no script, no style of its own.

      ·····|·····
a   ──●──  |            a dot for the difference, a line for its interval,
b          ├──●──       the baseline at 0, the margin shaded around it
"""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10

from llm_eval.stats.paired import Verdict

_ROW = 26
_LEFT, _WIDTH, _RIGHT = 220, 460, 20
_TOP, _BOTTOM = 8, 34


@dataclass(frozen=True, slots=True)
class Row:
    """One difference."""

    name: str
    delta: float
    low: float
    high: float
    verdict: Verdict


def interval_plot(rows: Sequence[Row], margin: float, unit: str = "") -> str:
    """SVG of the rows that are finite; empty where none is.

    Args:
        rows: in the unit of the axis.
        margin: half-width of the shaded band around 0.
        unit: written behind the axis' numbers.
    """
    shown = [row for row in rows if all(map(isfinite, (row.delta, row.low, row.high)))]
    if not shown:
        return ""
    reach = max(margin, *(max(abs(row.low), abs(row.high)) for row in shown)) * 1.05 or 1.0
    height = _TOP + _ROW * len(shown) + _BOTTOM
    parts = [
        f'<svg class="plot" viewBox="0 0 {_LEFT + _WIDTH + _RIGHT} {height}" role="img">',
        "<title>Differences with their intervals</title>",
        *_axis(reach, margin, height, unit),
        *(part for place, row in enumerate(shown) for part in _row(row, place, reach)),
        "</svg>",
    ]
    return "\n".join(parts)


def _axis(reach: float, margin: float, height: int, unit: str) -> Iterator[str]:
    bottom = height - _BOTTOM
    left, right = _x(-margin, reach), _x(margin, reach)
    yield (
        f'<rect class="margin" x="{left:.1f}" y="{_TOP}" width="{right - left:.1f}" '
        f'height="{bottom - _TOP}"/>'
    )
    step = _step(reach)
    for number in range(-floor(reach / step), floor(reach / step) + 1):
        x = _x(number * step, reach)
        kind = "zero" if number == 0 else "grid"
        yield f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>'
        label = f"{number * step:+g}".replace("-", "−") if number else "0"
        yield f'<text class="tick" x="{x:.1f}" y="{bottom + 18}">{label}{unit}</text>'


def _row(row: Row, place: int, reach: float) -> Iterator[str]:
    y = _TOP + _ROW * place + _ROW / 2
    name = row.name if len(row.name) <= 30 else f"{row.name[:29]}…"
    yield f'<text class="name" x="{_LEFT - 12}" y="{y + 4:.1f}">{html.escape(name)}</text>'
    low, high = _x(row.low, reach), _x(row.high, reach)
    yield (
        f'<line class="whisker {row.verdict}" x1="{low:.1f}" x2="{high:.1f}" '
        f'y1="{y:.1f}" y2="{y:.1f}"/>'
    )
    x = _x(row.delta, reach)
    yield f'<circle class="dot {row.verdict}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'


def _x(value: float, reach: float) -> float:
    return _LEFT + _WIDTH * (value + reach) / (2 * reach)


def _step(reach: float) -> float:
    """1, 2 or 5 times a power of ten: at most four ticks on each side."""
    unit: float = 10.0 ** floor(log10(reach))
    return next(unit * times for times in (0.2, 0.5, 1, 2, 5, 10) if reach / (unit * times) <= 4)
