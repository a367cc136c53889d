"""Intervals of one number: reference vectors, oracles, coverage."""

from math import isnan
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from statsmodels.api import OLS
from statsmodels.stats.proportion import proportion_confint

from llm_eval.stats.intervals import (
    bootstrap,
    clopper_pearson,
    cluster_t_interval,
    mean_stderr,
    t_interval,
    wilson,
)

Floats = NDArray[np.float64]
SCORES = [1.0, 1, 0, 0, 1, 0, 1, 1, 1, 0]
CLUSTERS = [0, 0, 1, 1, 1, 2, 2, 3, 3, 3]


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.255289, 0.366210),
        (15, 148, 0.062386, 0.160487),
        (0, 20, 0.0, 0.161125),
        (1, 29, 0.006113, 0.171755),
        (29, 29, 0.883030, 1.0),
    ],
)
def test_wilson_of_newcombe_1998(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (7, 10, 0.347547, 0.933260),
        (0, 20, 0.0, 0.168433),
        (81, 263, 0.252737, 0.367622),
    ],
)
def test_clopper_pearson_of_the_reference(successes: int, n: int, low: float, high: float) -> None:
    assert clopper_pearson(successes, n) == pytest.approx((low, high), abs=1e-6)


@given(st.integers(1, 500), st.floats(0, 1), st.sampled_from([0.01, 0.05, 0.2]))
def test_statsmodels_agrees_on_rates(n: int, share: float, alpha: float) -> None:
    successes = round(n * share)
    for method, interval in (("wilson", wilson), ("beta", clopper_pearson)):
        expected = proportion_confint(successes, n, alpha, method)
        assert interval(successes, n, alpha) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("p", [0.5, 0.8, 0.9, 0.95])
def test_wilson_covers_on_average_and_clopper_pearson_everywhere(p: float) -> None:
    for n in (20, 100):
        chances = stats.binom.pmf(np.arange(n + 1), n, p)
        exact = [clopper_pearson(k, n) for k in range(n + 1)]
        assert sum(c for c, i in zip(chances, exact, strict=True) if i.low <= p <= i.high) >= 0.95
    score = [wilson(k, 100) for k in range(101)]
    assert sum(c for c, i in zip(chances, score, strict=True) if i.low <= p <= i.high) >= 0.936


@pytest.mark.parametrize(("successes", "n", "alpha"), [(1, 0, 0.05), (3, 2, 0.05), (1, 2, 0.0)])
def test_impossible_rates_are_refused(successes: int, n: int, alpha: float) -> None:
    for interval in (wilson, clopper_pearson):
        with pytest.raises(ValueError, match=r"rate needs|alpha must"):
            interval(successes, n, alpha)


def test_clustered_standard_error_of_the_reference() -> None:
    assert mean_stderr(SCORES) == pytest.approx(0.1632993162)
    assert mean_stderr(SCORES, CLUSTERS) == pytest.approx(0.1346600658)


def test_clustered_standard_error_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(4)
    values, clusters = rng.random(80), rng.integers(0, 12, 80)
    model = OLS(values, np.ones(80)).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": False}
    )
    small_sample = np.sqrt(12 / 11)
    assert mean_stderr(values, clusters.tolist()) == pytest.approx(model.bse[0] * small_sample)


def test_students_interval_is_that_of_scipy() -> None:
    values = np.random.default_rng(4).random(25)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    result = t_interval(values, alpha=0.1)
    assert (result.low, result.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("values", [[], [0.5]])
def test_one_observation_has_no_interval(values: list[float]) -> None:
    result = t_interval(values)
    assert isnan(result.stderr)
    assert isnan(result.low)


def test_one_cluster_has_no_interval() -> None:
    assert isnan(cluster_t_interval([0.0, 1.0], ["a", "a"]).stderr)


def test_clusters_need_a_label_a_value() -> None:
    with pytest.raises(ValueError, match="one label a value"):
        mean_stderr([0.0, 1.0], ["a"])


@pytest.mark.parametrize("clusters", [5, 10, 30])
def test_clustered_interval_covers_where_the_naive_one_does_not(clusters: int) -> None:
    rng = np.random.default_rng(12)
    owner = np.repeat(np.arange(clusters), 10)
    robust = naive = 0
    for _ in range(1000):
        values = np.sqrt(0.3) * rng.normal(size=clusters)[owner]
        values += np.sqrt(0.7) * rng.normal(size=len(owner))
        interval, blind = cluster_t_interval(values, owner.tolist()), t_interval(values)
        robust += interval.low <= 0 <= interval.high
        naive += blind.low <= 0 <= blind.high
    assert robust / 1000 >= 0.93
    assert naive / 1000 < 0.8


def test_bca_bootstrap_is_that_of_scipy() -> None:
    values = np.random.default_rng(4).exponential(size=60)
    expected = stats.bootstrap(
        (values,), np.std, n_resamples=9999, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    result = bootstrap(
        values, lambda x: float(x.std()), rng=np.random.default_rng(1), method="bca",
        n_resamples=9999,
    )  # fmt: skip
    assert result == pytest.approx((expected.low, expected.high), rel=0.05)


def test_bootstrap_repeats_from_the_same_seed_and_resamples_whole_clusters() -> None:
    rng = np.random.default_rng(4)
    owner = np.repeat(np.arange(20), 10)
    values = rng.normal(size=20)[owner]

    def width(clusters: list[int] | None, seed: int) -> float:
        low, high = bootstrap(
            values,
            lambda x: float(x.mean()),
            rng=np.random.default_rng(seed),
            clusters=clusters,
            n_resamples=500,
        )
        return high - low

    assert width(None, 0) == width(None, 0)
    assert width(owner.tolist(), 0) > 2 * width(None, 0)


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0])
def test_values_that_are_all_equal_leave_the_doubt_that_wilson_leaves(value: float) -> None:
    found = t_interval([value] * 20, reach=1.0)
    assert found.method == "wilson, all equal"
    assert found.value == pytest.approx(value)
    assert found.high - found.value == pytest.approx(0.161125, abs=1e-6)  # Newcombe 1998: 0 of 20
    assert found.value - found.low == pytest.approx(0.161125, abs=1e-6)
    halved = t_interval([value] * 20, reach=0.5)
    assert halved.high - halved.value == pytest.approx(0.161125 / 2, abs=1e-6)


def test_clusters_whose_means_are_all_equal_count_as_clusters() -> None:
    """Every sample passed one of its two tries: nothing varies between samples."""
    found = cluster_t_interval([0.0, 1.0] * 20, np.repeat(np.arange(20), 2), reach=1.0)
    assert (found.low, found.high) == pytest.approx((0.5 - 0.161125, 0.5 + 0.161125), abs=1e-6)


def test_rare_values_are_covered_also_where_none_was_seen() -> None:
    """1 % of the values are spread over [0, 1], the others 0: most samples of 20 see none."""
    rng = np.random.default_rng(7)
    shares = (rng.random((1000, 20)) < 0.01) * rng.random((1000, 20))
    covered = dict.fromkeys((0.0, 1.0), 0)
    for reach in covered:
        found = [t_interval(row, reach=reach) for row in shares]
        covered[reach] = sum(one.low <= 0.005 <= one.high for one in found)
    assert covered[0.0] < 250
    assert covered[1.0] > 950


def test_bootstrap_of_one_value_is_unknown() -> None:
    low, high = bootstrap([1.0], np.mean, rng=np.random.default_rng(0))
    assert isnan(low)
    assert isnan(high)


@pytest.mark.parametrize("n", [1, 7, 20, 1000])
def test_a_rate_of_none_or_all_reaches_its_end_exactly(n: int) -> None:
    assert wilson(0, n).low == 0.0
    assert wilson(n, n).high == 1.0
    assert 0 < wilson(0, n).high < 1 == wilson(0, n).high + wilson(n, n).low


def test_the_mean_of_no_clusters_is_unknown() -> None:
    assert isnan(mean_stderr([], []))
    assert isnan(cluster_t_interval([], []).value)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_bootstrap_of_one_cluster_is_unknown(method: Literal["percentile", "bca"]) -> None:
    rng = np.random.default_rng(0)
    found = bootstrap([1.0, 2.0, 4.0], np.mean, rng=rng, clusters=["a"] * 3, method=method)
    assert all(map(isnan, found))


def test_bootstrap_refuses_clusters_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="one label a value: 2 for 3"):
        bootstrap([1.0, 2.0, 4.0], np.mean, rng=np.random.default_rng(0), clusters=["a", "b"])
