"""An interval held against a limit: what lies on the limit, and what is known of few values."""

from math import inf

import numpy as np
import pytest

from llm_eval.ci.bounds import Bounded, at_least, at_most, bound
from llm_eval.stats.intervals import t_interval


def bounded(low: float, high: float, p_value: float = 0.01) -> Bounded:
    return Bounded((low + high) / 2, low, high, 100, 100, 0.2, p_value)


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [
        (0.5, 0.7, "pass"),
        (0.5 + 1e-12, 0.7, "pass"),
        (0.5 - 1e-12, 0.7, "inconclusive"),
        (0.3, 0.5, "inconclusive"),
        (0.3, 0.5 - 1e-12, "fail"),
    ],
)
def test_a_bound_on_the_limit_reaches_it_and_does_not_break_it(
    low: float, high: float, status: str
) -> None:
    assert at_least(bounded(low, high), 0.5, 0.05, "m").status == status
    assert at_most(bounded(1 - high, 1 - low), 0.5, 0.05, "m").status == status


def test_evidence_for_a_rule_is_none_against_it() -> None:
    """Or twenty rules that hold would make the correction of a broken one milder."""
    assert at_least(bounded(0.6, 0.8), 0.5, 0.05, "m").p_value == 1.0
    assert at_most(bounded(0.2, 0.4), 0.5, 0.05, "m").p_value == 1.0
    assert at_least(bounded(0.2, 0.4), 0.5, 0.05, "m").p_value == 0.01
    assert at_most(bounded(0.6, 0.8), 0.5, 0.05, "m").p_value == 0.01


def of(values: list[float], units: list[str] | None = None, limit: float = 0.5) -> Bounded:
    return bound(np.array(values), units, rate=False, reach=1.0, limit=limit, alpha=0.05)


def test_one_value_or_one_cluster_bounds_nothing() -> None:
    for found in (of([1.0]), of([1.0, 0.0, 1.0], ["a"] * 3)):
        assert (found.low, found.high, found.p_value) == (-inf, inf, 1.0)


def test_half_of_the_values_alike_is_a_spread_like_any_other() -> None:
    values = [0.5, 0.5, 0.51, 0.52]
    expected = t_interval(np.array(values), 0.05)
    assert (of(values).low, of(values).high) == pytest.approx((expected.low, expected.high))


def test_more_of_them_alike_leave_room_for_what_was_not_seen() -> None:
    found = of([0.5, 0.5, 0.5, 0.52])
    assert found.low < 0.3
    assert found.high > 0.7
