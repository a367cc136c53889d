"""The numbers of a run from its stored rows: honest denominators, intervals that can be."""

from dataclasses import replace

import numpy as np
import pytest

from llm_eval.metrics.collector import summarise
from llm_eval.metrics.score_table import ScoreTable
from llm_eval.types import Metric

NAN = float("nan")


def table(values: list[float], failed: list[bool] | None = None) -> ScoreTable:
    n = len(values)
    return ScoreTable(
        metrics=("m",),
        indices=np.arange(n),
        keys=[str(i) for i in range(n)],
        labels=[()] * n,
        clusters=[None] * n,
        failed=np.array(failed or [False] * n, dtype=np.bool_),
        columns=(np.array(values, dtype=np.float64),),
    )


def test_what_has_no_score_counts_as_worst_and_is_counted() -> None:
    found = summarise(
        table([1.0, 1.0, NAN, NAN], [False, False, True, False]), [Metric("m", "rate")]
    )[0]["m"]
    assert (found.value, found.value_scored_only) == (0.5, 1.0)
    assert (found.n, found.n_scored, found.n_failed, found.n_unscored) == (4, 2, 1, 1)


@pytest.mark.parametrize("missing", range(1, 5))
def test_an_error_never_raises_a_headline(missing: int) -> None:
    for worst, best in ((0.0, 1.0), (5.0, 0.0)):
        metric = Metric("m", worst=worst, best=best)
        values = [best, (best + worst) / 2, worst, best, best]
        whole = summarise(table(values), [metric])[0]["m"].value
        holed = [NAN if i < missing else v for i, v in enumerate(values)]
        less = summarise(table(holed), [metric])[0]["m"].value
        assert (less <= whole) if best > worst else (less >= whole)


def test_a_rate_has_wilsons_interval() -> None:
    found = summarise(table([1.0] * 15 + [0.0] * 133), [Metric("m", "rate")])[0]["m"]
    assert (found.low, found.high) == pytest.approx((0.062386, 0.160487), abs=1e-6)
    assert found.method == "wilson"


def test_an_interval_never_leaves_the_metrics_range() -> None:
    found = summarise(table([0.0] * 9 + [0.9]), [Metric("m")])[0]["m"]
    assert found.low == 0.0
    assert found.high is not None
    assert found.high > found.value


def test_scores_that_are_all_equal_have_the_interval_of_a_rate_beside_them() -> None:
    nothing = table([0.0] * 20)
    mean, rate = (summarise(nothing, [Metric("m", kind)])[0]["m"] for kind in ("mean", "rate"))
    assert (mean.value, mean.low) == (0.0, 0.0)
    assert mean.high == pytest.approx(rate.high) == pytest.approx(0.161125, abs=1e-6)
    points = summarise(table([5.0] * 20), [Metric("m", worst=1.0, best=5.0)])[0]["m"]
    assert (points.low, points.high) == pytest.approx((5 - 4 * 0.161125, 5.0), abs=1e-5)


def test_epochs_that_all_pass_leave_a_doubt_too() -> None:
    passed = replace(table([1.0] * 20), indices=np.repeat(np.arange(10), 2))
    for name, found in summarise(passed, [Metric("m", "rate")])[0].items():
        assert (found.low, found.high) == pytest.approx((0.722467, 1.0), abs=1e-6), name


def test_a_metric_beyond_its_declared_range_keeps_its_interval() -> None:
    found = summarise(table([3.0, 4.0, 5.0]), [Metric("m")])[0]["m"]
    assert found.low is not None
    assert found.high is not None
    assert found.low < 4.0 < found.high


def test_no_rows_are_worst_and_have_no_interval() -> None:
    found = summarise(table([]), [Metric("m", "rate")])[0]["m"]
    assert (found.value, found.low, found.high, found.n) == (0.0, None, None, 0)
