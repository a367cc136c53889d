"""McNemar's test and Tango's interval: vectors and oracles."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize, special, stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from llm_eval.stats.paired_rates import mcnemar, tango

counts = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200))


@pytest.mark.parametrize(
    ("gained", "lost", "exact", "mid_p"),
    [
        (150, 86, 3.71594e-5, 2.89339e-5),
        (5, 15, 0.0413895, 0.0266037),
        (1, 8, 0.0390625, 0.0214844),
        (0, 6, 0.03125, 0.015625),
    ],
)
def test_mcnemar_of_the_reference(gained: int, lost: int, exact: float, mid_p: float) -> None:
    result = mcnemar(gained, lost)
    assert result.exact == pytest.approx(exact, rel=2e-6)
    assert result.mid_p == pytest.approx(mid_p, rel=3e-6)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_agrees_with_statsmodels_and_mid_p_lies_below(gained: int, lost: int) -> None:
    result = mcnemar(gained, lost)
    oracle = statsmodels_mcnemar([[0, gained], [lost, 0]], exact=True).pvalue
    assert result.exact == pytest.approx(oracle, rel=1e-9)
    assert result.mid_p <= result.exact + 1e-12
    assert result == mcnemar(lost, gained)


@given(st.integers(0, 200), st.integers(0, 200))
def test_more_discordance_one_way_never_raises_p(gained: int, lost: int) -> None:
    assume(gained >= lost)
    assert mcnemar(gained + 1, lost).mid_p <= mcnemar(gained, lost).mid_p + 1e-12


def test_no_discordant_pair_is_no_evidence() -> None:
    assert mcnemar(0, 0) == (1.0, 1.0)


def test_mid_p_holds_the_error_rate_and_wastes_less_of_it_than_the_exact_test() -> None:
    exact = mid_p = 0.0
    for m in range(101):  # 100 pairs, 20 % discordant, both directions alike
        chances = stats.binom.pmf(m, 100, 0.2) * stats.binom.pmf(np.arange(m + 1), m, 0.5)
        results = [mcnemar(gained, m - gained) for gained in range(m + 1)]
        exact += float(chances @ [r.exact <= 0.05 for r in results])
        mid_p += float(chances @ [r.mid_p <= 0.05 for r in results])
    assert (exact, mid_p) == pytest.approx((0.0294, 0.0457), abs=1e-4)


def test_mcnemar_refuses_negative_counts() -> None:
    with pytest.raises(ValueError, match="negative"):
        mcnemar(-1, 2)


# Tango


def likeliest_variance(gained: int, lost: int, n: int, difference: float) -> float:
    """Variance of one pair's difference where the likelihood under it is highest, by search."""

    def cost(q: float) -> float:
        cells = ((q + difference, gained), (q, lost), (1 - 2 * q - difference, n - gained - lost))
        return -float(sum(special.xlogy(count, max(p, 1e-300)) for p, count in cells))

    low, high = max(0.0, -difference), (1 - difference) / 2
    q = optimize.minimize_scalar(
        cost, bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    ).x
    return float(2 * q + difference - difference**2)


@pytest.mark.parametrize(
    ("gained", "lost", "n"), [(12, 2, 50), (1, 8, 30), (5, 5, 40), (0, 6, 100), (20, 3, 25)]
)
def test_tango_ends_where_the_score_statistic_is_critical(gained: int, lost: int, n: int) -> None:
    for end in tango(gained, lost, n):
        variance = likeliest_variance(gained, lost, n, end)
        assert abs((gained - lost) / n - end) / sqrt(variance / n) == pytest.approx(1.959964, 1e-4)


@pytest.mark.parametrize("n", [1, 10, 1000])
def test_tango_without_discordance_has_a_width(n: int) -> None:
    z2 = 1.959963984540054**2
    assert tango(0, 0, n) == pytest.approx((-z2 / (n + z2), z2 / (n + z2)))


@given(counts)
def test_tango_holds_the_difference_and_mirrors_when_the_runs_are_swapped(
    cells: tuple[int, int, int],
) -> None:
    gained, lost, same_outcome = cells
    n = gained + lost + same_outcome
    assume(n > 0)
    low, high = tango(gained, lost, n)
    assert -1 <= low <= (gained - lost) / n <= high <= 1
    assert tango(lost, gained, n) == pytest.approx((-high, -low), abs=1e-9)
    wider = tango(gained, lost, n, 0.01)
    assert wider.low <= low
    assert high <= wider.high


@pytest.mark.parametrize("cells", [(1, 0, 0), (-1, 0, 5), (3, 3, 5)])
def test_tango_refuses_impossible_counts(cells: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="need gained"):
        tango(*cells)
