"""The charts that the report, the notebook and `llm-eval trend` share: Altair, drawn as SVG.

>>> chart = intervals([Point("easy", 0.8, 0.7, 0.88), Point("hard", 0.4, 0.3, 0.5)])
>>> chart                              # a notebook shows it
>>> svg(chart)                         # '<svg xmlns=…': no script, no request to anywhere
>>> svg(chart, theme=CSS)              # in a page: colours are its own --ink, --accent, …

Labels are data: they are never read as an expression, and control characters are shown.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from llm_eval.errors import ConfigError
from llm_eval.visible import visible

if TYPE_CHECKING:
    from altair import Chart, LayerChart

T = TypeVar("T", bound=Any)

WIDTH = 560
"""Pixels of the plot without its labels; a narrow screen takes about 230."""
NARROW = 230
_LABEL_PIXELS = 220
_NARROW_LABEL_PIXELS = 125
_TIME_LABEL_PIXELS = 320
"""Time, commit and verdict in one line."""
_ROW_PIXELS = 22
_FORMATS = {True: ".0%", False: "~g"}
"""Of an axis that goes from 0 to 1, and of others."""
_FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours; `series` are told apart by people who see few colours (Okabe and Ito 2008)."""

    paper: str
    ink: str
    muted: str
    grid: str
    accent: str
    good: str
    bad: str
    series: tuple[str, ...]


LIGHT = Theme(
    "#ffffff",
    "#1f2328",
    "#59636e",
    "#d1d9e0",
    "#0969da",
    "#1a7f37",
    "#cf222e",
    ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
)
DARK = Theme(
    "#0d1117",
    "#e6edf3",
    "#9198a1",
    "#3d444d",
    "#4493f8",
    "#3fb950",
    "#f85149",
    ("#56b4e9", "#ff9b54", "#3ddbab", "#e29ac4", "#f0c000", "#8ab4f8"),
)
CSS = Theme(
    "transparent",
    "#010201",
    "#010202",
    "#010203",
    "#010204",
    "#010205",
    "#010206",
    ("#010207", "#010208", "#010209", "#01020a", "#01020b", "#01020c"),
)
"""Stand-ins that `svg` replaces by custom properties of the page: --ink … --bad, --series-1 …"""

_PROPERTIES = {
    CSS.ink: "--ink",
    CSS.muted: "--muted",
    CSS.grid: "--grid",
    CSS.accent: "--accent",
    CSS.good: "--good",
    CSS.bad: "--bad",
    **{colour: f"--series-{n}" for n, colour in enumerate(CSS.series, start=1)},
}


class Point(NamedTuple):
    """A value with the ends of its interval."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    series: str = ""
    """Points of one series share a colour: a metric, a model."""
    note: str = ""
    """Shown when the pointer rests on it."""
    flag: str = ""
    """A character or two above it, in `history`."""


class Cell(NamedTuple):
    """One cell of a heatmap."""

    row: str
    column: str
    share: float
    """0 to 1: how strong its colour is."""
    text: str


class Place(NamedTuple):
    """A point of a scatter plot, with an interval of its height."""

    label: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None


def intervals(
    points: Sequence[Point], *, title: str = "", width: int = WIDTH, unit_scale: bool = True
) -> "LayerChart":
    """Dots with whiskers, one row a label; several series stand below each other in a row.

    Args:
        points: what is shown, from top to bottom.
        title: of the value axis.
        width: pixels of the plot.
        unit_scale: the axis goes from 0 to 1.
    """
    alt = _altair()
    rows = [_row(point) for point in points]
    series = list(dict.fromkeys(row["series"] for row in rows))
    scale = alt.Scale(domain=[0, 1]) if unit_scale else alt.Scale(zero=False)
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("label:N", sort=None, title=None, axis=_label_axis(width)),
        yOffset=alt.YOffset("series:N", sort=series),
        color=alt.Color("series:N", sort=series, title=None, legend=_legend(series)),
    )
    axis = alt.Axis(format=_FORMATS[unit_scale])
    value_axis = alt.X("low:Q", scale=scale, axis=axis, title=title or None)
    made: LayerChart = alt.layer(
        base.mark_rule(strokeWidth=2).encode(x=value_axis, x2="high:Q"),
        base.mark_point(filled=True, size=60, opacity=1).encode(
            x=alt.X("value:Q", scale=scale), tooltip="note:N"
        ),
    ).properties(width=width, height=alt.Step(_ROW_PIXELS if len(series) == 1 else 14))
    return themed(made)


def histogram(
    values: Sequence[float], *, title: str, width: int = WIDTH, n_bins: int = 30
) -> "Chart":
    """How often values fall into each of `n_bins` equal bins; counted here, so that it is small."""
    import numpy as np

    alt = _altair()
    finite = np.asarray(values, dtype=np.float64)
    counts, edges = np.histogram(finite[np.isfinite(finite)], bins=n_bins)
    rows = [
        {"low": float(low), "high": float(high), "count": int(count)}
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
        if count
    ]
    made: Chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X("low:Q", bin="binned", title=title, scale=alt.Scale(nice=True)),
            x2="high:Q",
            y=alt.Y("count:Q", title="samples"),
        )
        .properties(width=width, height=150)
    )
    return themed(made)


def heatmap(cells: Sequence[Cell], *, width: int = WIDTH) -> "LayerChart":
    """Rows × columns; the colour's strength is the share, the text stands in the cell."""
    alt = _altair()
    rows = [
        {
            "row": _label(cell.row),
            "column": _label(cell.column),
            "share": cell.share,
            "text": _label(cell.text),
        }
        for cell in cells
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("column:N", sort=None, title=None, axis=alt.Axis(orient="top", labelAngle=0)),
        y=alt.Y("row:N", sort=None, title=None, axis=_label_axis(width)),
    )
    strength = alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.04, 0.75]))
    made: LayerChart = alt.layer(
        base.mark_rect(stroke=None).encode(opacity=strength.legend(None)),
        base.mark_text(fontSize=11).encode(text="text:N"),
    ).properties(width=width, height=alt.Step(_ROW_PIXELS))
    return themed(made)


def history(
    points: Sequence[Point], *, title: str, width: int = WIDTH, unit_scale: bool = True
) -> "LayerChart":
    """Values over time, oldest first, with an interval at each; one line a series."""
    alt = _altair()
    rows = [_row(point) for point in points]
    series = list(dict.fromkeys(row["series"] for row in rows))
    scale = alt.Scale(domain=[0, 1]) if unit_scale else alt.Scale(zero=False)
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("label:O", sort=None, title=None, axis=_time_axis()),
        color=alt.Color("series:N", sort=series, title=None, legend=_legend(series)),
    )
    made: LayerChart = alt.layer(
        base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(
            y=alt.Y("low:Q", scale=scale, title=title, axis=alt.Axis(format=_FORMATS[unit_scale])),
            y2="high:Q",
        ),
        base.mark_line(strokeWidth=2).encode(y=alt.Y("value:Q", scale=scale)),
        base.mark_point(filled=True, size=45, opacity=1).encode(
            y=alt.Y("value:Q", scale=scale), tooltip="note:N"
        ),
        base.mark_text(dy=-10, fontWeight="bold").encode(
            y=alt.Y("high:Q", scale=scale), text="flag:N"
        ),
    ).properties(width=width, height=220)
    return themed(made)


def scatter(
    places: Sequence[Place], *, x_title: str, y_title: str, width: int = WIDTH
) -> "LayerChart":
    """One named dot a place, with whiskers in height: cost against quality."""
    alt = _altair()
    rows = [
        {
            "label": _label(place.label),
            "x": place.x,
            "y": place.y,
            "low": place.y if place.low is None else place.low,
            "high": place.y if place.high is None else place.high,
        }
        for place in places
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(x=alt.X("x:Q", title=x_title))
    made: LayerChart = alt.layer(
        base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=y_title), y2="high:Q"),
        base.mark_point(filled=True, size=70, opacity=1).encode(y="y:Q"),
        base.mark_text(align="left", dx=9, dy=-9, limit=260).encode(y="y:Q", text="label:N"),
    ).properties(width=width, height=280)
    return themed(made)


def themed(chart: T, theme: Theme = LIGHT) -> T:
    """The chart in the theme's colours."""
    axis = {
        "labelColor": theme.ink,
        "titleColor": theme.muted,
        "gridColor": theme.grid,
        "domainColor": theme.grid,
        "tickColor": theme.grid,
        "titleFontWeight": "normal",
        "labelFontSize": 12,
        "titleFontSize": 12,
    }
    made: T = chart.configure(
        font=_FONT,
        background=theme.paper,
        axis=axis,
        legend={"labelColor": theme.ink, "labelFontSize": 12, "orient": "top"},
        view={"stroke": None},
        range={"category": list(theme.series)},
        bar={"fill": theme.series[0]},
        rect={"fill": theme.series[0]},
        text={"fill": theme.ink, "font": _FONT},
        rule={"stroke": theme.series[0]},
        point={"fill": theme.series[0]},
    )
    return made


def svg(chart: Any, *, theme: Theme = LIGHT, describe: str = "") -> str:
    """The chart as one `<svg>` element, which scales with the width that it is given.

    Args:
        chart: of this module.
        theme: its colours; `CSS` takes those of the page around it.
        describe: what a screen reader says.
    """
    try:
        import vl_convert
    except ImportError as exc:
        raise _missing("vl-convert-python") from exc
    drawn: str = vl_convert.vegalite_to_svg(themed(chart, theme).to_dict())
    if theme is CSS:
        for colour, name in _PROPERTIES.items():
            drawn = drawn.replace(f'"{colour}"', f'"var({name})"')
    if describe:
        drawn = drawn.replace("<svg ", f'<svg role="img" aria-label="{_attribute(describe)}" ', 1)
    return drawn


def _altair() -> Any:
    try:
        import altair as alt
    except ImportError as exc:
        raise _missing("altair") from exc
    return alt


def _missing(package: str) -> ConfigError:
    return ConfigError(f"charts need the package {package}: pip install 'llm-eval[charts]'")


def _row(point: Point) -> dict[str, Any]:
    """As Altair gets it; a value without an interval is its own."""
    return {
        "label": _label(point.label),
        "series": _label(point.series),
        "value": point.value,
        "low": point.value if point.low is None else point.low,
        "high": point.value if point.high is None else point.high,
        "note": _label(point.note),
        "flag": _label(point.flag),
    }


def _label(text: str) -> str:
    """`text` on one line that SVG can hold."""
    return " ".join(visible(text).split())


def _label_axis(width: int) -> Any:
    """Row labels: cut where they would leave no room for the plot."""
    limit = _LABEL_PIXELS if width > NARROW else _NARROW_LABEL_PIXELS
    return _altair().Axis(labelLimit=limit, grid=False, ticks=False, domain=False, labelPadding=8)


def _time_axis() -> Any:
    return _altair().Axis(labelAngle=-40, labelLimit=_TIME_LABEL_PIXELS)


def _legend(series: Sequence[str]) -> Any:
    return _altair().Legend(orient="top", labelLimit=260) if len(series) > 1 else None


def _attribute(text: str) -> str:
    """`text` inside the quotes of an attribute."""
    return html.escape(_label(text))
