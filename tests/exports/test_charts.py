"""Charts: right numbers, safe labels, colours of the page around them."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

from llm_eval import charts
from llm_eval.charts import Cell, Place, Point
from tests.exports.conftest import ODD

POINTS = [Point("a", 0.5, 0.4, 0.6, "m"), Point(ODD, 0.7, None, None, "n", ODD)]
MAKERS: list[Callable[[], Any]] = [
    lambda: charts.intervals(POINTS, title="score"),
    lambda: charts.intervals([Point("a", 12.0, 10.0, 14.0)], unit_scale=False),
    lambda: charts.histogram([1.0, 2.0, 2.5, float("nan")], title="seconds"),
    lambda: charts.histogram([1.0], title="one value"),
    lambda: charts.heatmap([Cell(ODD, "wrong", 0.5, "3"), Cell("b", ODD, 0.0, "")]),
    lambda: charts.history(POINTS, title="score"),
    lambda: charts.scatter([Place(ODD, 0.1, 0.5, 0.4, 0.6)], x_title="USD", y_title="score"),
]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("theme", [charts.LIGHT, charts.CSS])
def test_every_chart_is_well_formed_and_asks_for_nothing(
    make: Callable[[], Any], theme: charts.Theme
) -> None:
    drawn = charts.svg(make(), theme=theme, describe=ODD)
    root = ET.fromstring(drawn)
    for element in root.iter():
        assert element.tag.rpartition("}")[2] not in ("script", "image", "foreignObject", "style")
        names = {name.rpartition("}")[2] for name in element.attrib}
        assert not names & {"href", "src", "style", "onload", "onerror"}
    assert "url(" not in drawn


def test_the_pages_colours_are_taken_from_its_style_sheet() -> None:
    drawn = charts.svg(charts.intervals(POINTS), theme=charts.CSS)
    assert 'fill="var(--ink)"' in drawn
    assert 'fill="var(--series-1)"' in drawn
    assert not re.search(r"#0102", drawn)


def test_a_histogram_holds_counts_not_values() -> None:
    spec = charts.histogram([0.0, 0.1, 0.9, 1.0], title="s", n_bins=2).to_dict()
    rows = spec["data"]["values"]
    assert [(row["low"], row["high"], row["count"]) for row in rows] == [(0, 0.5, 2), (0.5, 1, 2)]
    many = charts.svg(charts.histogram([i / 1e5 for i in range(100_000)], title="s"))
    assert len(many) < 50_000
