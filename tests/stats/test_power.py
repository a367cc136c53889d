"""Power: Miller's worked examples, statsmodels, and tests that find what they should."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats
from statsmodels.stats.power import normal_power

from llm_eval.stats.paired_rates import mcnemar
from llm_eval.stats.power import (
    detectable_mean,
    detectable_rate,
    required_items,
    required_pairs,
    variance_of_mean,
)

shares = st.floats(0.01, 1)


def test_items_of_millers_example() -> None:
    assert required_items(0.03, between=1 / 9) == 969


def test_detectable_differences_of_millers_example() -> None:
    for epochs, expected in ((1, 0.132), (10, 0.075)):
        found = detectable_mean(198, between=1 / 9, noise=(1 / 6, 1 / 6), epochs=(epochs, epochs))
        assert found == pytest.approx(expected, abs=0.001)


@pytest.mark.parametrize(("epochs", "cut"), [(2, 1 / 3), (4, 1 / 2), (6, 5 / 9)])
def test_resampling_cuts_the_variance_as_in_millers_example(epochs: int, cut: float) -> None:
    once = variance_of_mean(100, between=1 / 12, within=1 / 6)
    again = variance_of_mean(100, between=1 / 12, within=1 / 6, epochs=epochs)
    assert 1 - again / once == pytest.approx(cut)


@given(st.floats(0.01, 0.5), st.floats(0.01, 1), st.sampled_from([0.8, 0.9]))
def test_statsmodels_finds_the_power_asked_for(delta: float, variance: float, power: float) -> None:
    n, effect = required_items(delta, between=variance, power=power), delta / np.sqrt(variance)
    assert normal_power(effect, n, 0.05) >= power - 1e-9
    assert n == 1 or normal_power(effect, n - 1, 0.05) < power + 1e-4


@given(st.integers(2, 10_000), shares)
def test_detectable_and_required_are_each_others_inverse(n: int, spread: float) -> None:
    delta = detectable_mean(n, between=spread)
    assert required_items(delta, between=spread) == n
    rate = detectable_rate(n, spread)
    if rate is not None:
        assert required_pairs(rate, spread) <= n
        assert required_pairs(rate * 0.99, spread) >= n


@given(shares, shares, shares)
def test_larger_differences_need_fewer_pairs(first: float, second: float, spread: float) -> None:
    small, large = sorted((first, second))
    assert required_pairs(large, spread) <= required_pairs(small, spread)
    assert required_pairs(-large, spread) == required_pairs(large, spread)


@pytest.mark.parametrize(("delta", "discordant"), [(0.1, 0.2), (0.05, 0.1), (0.02, 0.0)])
def test_the_required_pairs_find_the_difference_four_times_in_five(
    delta: float, discordant: float
) -> None:
    n = required_pairs(delta, discordant)
    share = max(delta, discordant)
    ahead = (share + delta) / 2 / share
    power = 0.0
    for m in range(n + 1):
        chance = stats.binom.pmf(m, n, share)
        if chance < 1e-9:
            continue
        outcomes = stats.binom.pmf(np.arange(m + 1), m, ahead)
        found = [mcnemar(g, m - g).mid_p <= 0.05 for g in range(m + 1)]
        power += chance * float(outcomes @ found)
    assert 0.77 <= power <= 0.9


def test_without_discordance_every_change_goes_one_way() -> None:
    z = special.ndtri(0.975) + special.ndtri(0.8)
    assert detectable_rate(10_000, 0.0) == pytest.approx(z**2 / 10_000, rel=0.01)


def test_three_pairs_find_nothing() -> None:
    assert detectable_rate(3, 0.5) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"delta": 0.0}, "delta"),
        ({"delta": float("nan")}, "delta"),
        ({"between": -1.0}, "variances"),
        ({"epochs": (0, 1)}, "epochs"),
        ({"alpha": 1.0}, "alpha"),
        ({"power": 0.4}, "power"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        required_items(**{"delta": 0.1, "between": 0.1, **arguments})  # type: ignore[arg-type]


def test_wrong_shares_and_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="discordant"):
        required_pairs(0.1, 1.2)
    with pytest.raises(ValueError, match="n must be"):
        detectable_rate(0, 0.1)
