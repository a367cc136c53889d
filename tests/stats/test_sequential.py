"""Sequential inference: vectors of the reference, and error rates under peeking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from llm_eval.stats.sequential import (
    always_valid_p,
    asymptotic_band,
    asymptotic_radius,
    asymptotic_rho,
    bounded_band,
    mixture_ratio,
    normal_mixture_radius,
)


@pytest.mark.parametrize(
    ("t", "radius"), [(10, 2.587557), (100, 0.365639), (1000, 0.096064), (10_000, 0.032730)]
)
def test_normal_mixture_radius_of_the_reference(t: int, radius: float) -> None:
    assert normal_mixture_radius(t, 1.0, 100.0) == pytest.approx(radius, abs=1e-6)


def test_asymptotic_radius_of_the_reference() -> None:
    rho = asymptotic_rho(500)
    assert rho == pytest.approx(0.125985, abs=1e-6)
    found = [asymptotic_radius(t, 0.5, rho) for t in (100, 500, 2000)]
    assert found == pytest.approx([0.168194, 0.067869, 0.034962], abs=1e-6)


def test_asymptotic_band_has_that_radius_at_every_moment() -> None:
    x = np.random.default_rng(0).normal(3, 0.5, 200)
    band = asymptotic_band(x)
    for t in (30, 77, 200):
        half = asymptotic_radius(t, float(x[:t].std(ddof=1)), asymptotic_rho(500))
        assert band.low[t - 1] == pytest.approx(x[:t].mean() - half)
        assert band.high[t - 1] == pytest.approx(x[:t].mean() + half)


def test_the_band_is_infinite_before_the_first_look_and_while_all_values_are_equal() -> None:
    band = asymptotic_band(np.append(np.full(100, 0.1), 0.5), start=10)
    assert np.all(np.isinf(band.low[:100]))
    assert np.isfinite(band.low[100])


def test_mixture_ratio_of_the_reference() -> None:
    ratio = mixture_ratio(500, 0.05, 0.25, 0.01)
    assert ratio == pytest.approx(2.360070, abs=1e-6)
    assert 1 / ratio == pytest.approx(0.423716, abs=1e-6)
    assert np.isfinite(mixture_ratio(10**6, 100.0, 0.25, 0.01))


def test_always_valid_p_is_the_smallest_inverse_ratio_so_far() -> None:
    d = np.random.default_rng(0).normal(0.1, 0.5, 300)
    p = always_valid_p(d, mixing=0.01)
    ratios = [
        mixture_ratio(t, float(d[:t].mean()), float(d[:t].var(ddof=1)), 0.01)
        for t in range(30, 301)
    ]
    assert np.all(p[:29] == 1.0)
    assert p[-1] == pytest.approx(min(1.0, 1 / max(ratios)))


def test_bounded_band_of_the_reference() -> None:
    band = bounded_band([1.0, 0.0, 1.0, 1.0] * 250)
    assert (band.low[-1], band.high[-1]) == pytest.approx((0.695915, 0.802157), abs=1e-6)


@given(st.lists(st.floats(0, 1), max_size=60), st.sampled_from([0.01, 0.05, 0.3]))
def test_bounded_band_only_closes_in_and_moves_with_its_unit(
    values: list[float], alpha: float
) -> None:
    band = bounded_band(values, alpha=alpha)
    assert np.all(np.diff(band.low) >= 0)
    assert np.all(np.diff(band.high) <= 0)
    scaled = bounded_band([10 * v - 5 for v in values], low=-5, high=5.0000001, alpha=alpha)
    np.testing.assert_allclose(scaled.low, 10 * band.low - 5, atol=1e-5)


@given(st.lists(st.floats(-5, 5), max_size=60))
def test_always_valid_p_never_rises(values: list[float]) -> None:
    p = always_valid_p(values, mixing=0.1, start=2)
    assert np.all(np.diff(p) <= 0)
    assert np.all((p >= 0) & (p <= 1))


def test_peeking_spares_the_error_rate_and_breaks_the_ordinary_test() -> None:
    rng = np.random.default_rng(4)
    looks = np.arange(50, 1001, 10) - 1
    ordinary = asymptotic = mixture = bounded = 0
    for _ in range(1000):
        d = rng.choice([-1.0, 0.0, 1.0], 1000, p=[0.15, 0.7, 0.15])
        t = np.arange(1, 1001)
        z = np.cumsum(d) / t / np.sqrt(0.3 / t)
        ordinary += bool(np.any(np.abs(z[looks]) > special.ndtri(0.975)))
        band = asymptotic_band(d)
        asymptotic += bool(np.any((band.low[looks] > 0) | (band.high[looks] < 0)))
        mixture += bool(always_valid_p(d, mixing=0.01)[-1] <= 0.05)
        sure = bounded_band(d, low=-1)
        bounded += bool(sure.low[-1] > 0 or sure.high[-1] < 0)
    assert ordinary / 1000 > 0.25
    assert max(asymptotic, mixture, bounded) / 1000 <= 0.05


def test_a_true_difference_is_found_before_all_samples_are_seen() -> None:
    rng = np.random.default_rng(4)
    d = rng.normal(-0.1, 0.4, 2000)
    assert np.argmax(asymptotic_band(d).high < 0) in range(30, 1000)
    assert np.argmax(always_valid_p(d, mixing=0.01) <= 0.05) in range(30, 1000)


def test_nothing_seen_is_no_band() -> None:
    assert len(bounded_band([]).low) == len(asymptotic_band([]).low) == 0
    assert len(always_valid_p([], mixing=1.0)) == 0


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="between low and high"):
        bounded_band([2.0])
    with pytest.raises(ValueError, match="finite"):
        asymptotic_band([float("nan")])
    with pytest.raises(ValueError, match="target"):
        asymptotic_rho(0)
    with pytest.raises(ValueError, match="alpha"):
        bounded_band([1.0], alpha=0.0)
    with pytest.raises(ValueError, match="above 0"):
        mixture_ratio(0, 0.1, 1.0, 1.0)
    with pytest.raises(ValueError, match="mixing"):
        always_valid_p([0.1], mixing=0.0)
