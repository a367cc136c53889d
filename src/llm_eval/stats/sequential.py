"""Look as often as you like: intervals and p values that hold at every moment at once.

    >>> band = bounded_band([1.0, 0.0, 1.0, 1.0] * 250)
    >>> round(float(band.low[-1]), 6), round(float(band.high[-1]), 6)
    (0.695915, 0.802157)

An ordinary 95 % interval that is looked at every ten samples leaves out the truth a third of the
time; these bands leave it out at any time in at most alpha. Stop whenever one clears the margin.
"""

from math import log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
_LARGEST_EXPONENT = 700.0
"""e to more than this is no float."""


class Band(NamedTuple):
    """Both ends of a confidence sequence, one value a sample seen."""

    low: Floats
    high: Floats


def bounded_band(
    values: ArrayLike, *, low: float = 0.0, high: float = 1.0, alpha: float = 0.05
) -> Band:
    """Mean of bounded values, at any sample size (predictable plug-in empirical Bernstein).

    Source: Waudby-Smith & Ramdas 2024, arXiv 2010.09686, theorem 2. Ends only ever close in.

    Args:
        values: in the order of their arrival.
        low: the least value there can be.
        high: the greatest value there can be.
        alpha: chance that the true mean ever lies outside.

    Raises:
        ValueError: a value lies outside `low`…`high`, or alpha is out of its range.
    """
    _check_alpha(alpha)
    x = _finite(values)
    if not low < high or np.any((x < low) | (x > high)):
        raise ValueError(f"values must lie between low and high, got {low} and {high}")
    x = (x - low) / (high - low)
    t = np.arange(1, len(x) + 1)
    means = (0.5 + np.cumsum(x)) / (t + 1)
    variances = (0.25 + np.cumsum((x - means) ** 2)) / (t + 1)
    mean_before = np.concatenate([[0.5], means[:-1]])[: len(x)]
    variance_before = np.concatenate([[0.25], variances[:-1]])[: len(x)]
    bet = np.minimum(np.sqrt(2 * log(2 / alpha) / (variance_before * t * np.log(1 + t))), 0.5)
    cost = np.cumsum(4 * (x - mean_before) ** 2 * (-np.log1p(-bet) - bet) / 4)
    stake = np.cumsum(bet)
    centre, half = np.cumsum(bet * x) / stake, (log(2 / alpha) + cost) / stake
    lower = np.maximum.accumulate(np.maximum(centre - half, 0.0))
    upper = np.minimum.accumulate(np.minimum(centre + half, 1.0))
    return Band(low + (high - low) * lower, low + (high - low) * upper)


def asymptotic_band(
    values: ArrayLike, *, target: int = 500, start: int = 30, alpha: float = 0.05
) -> Band:
    """Mean of any values, at any sample size from `start` on.

    Source: Waudby-Smith et al. 2024, arXiv 2103.06476. It rests on the central limit theorem: of
    values that are nearly all equal, such as rare changes between two runs, see `bounded_band`.

    Args:
        values: in the order of their arrival; paired differences, for a comparison.
        target: the sample size at which the band shall be narrowest.
        start: values before the first look; until then, and while all are equal, both ends are
            infinite.
        alpha: chance that the true mean ever lies outside.
    """
    x, rho = _finite(values), asymptotic_rho(target, alpha)
    t = np.arange(1, len(x) + 1)
    means, variances = _running(x)
    half = np.sqrt(variances) * _asymptotic_width(t, rho, alpha)
    half[(variances == 0) | (t < max(start, 2))] = np.inf
    return Band(means - half, means + half)


def asymptotic_rho(target: int, alpha: float = 0.05) -> float:
    """The mixture parameter whose band is narrowest at `target` samples."""
    _check_alpha(alpha)
    if target < 1:
        raise ValueError(f"target must be at least 1, got {target}")
    return sqrt((-2 * log(alpha) + log(-2 * log(alpha) + 1)) / target)


def asymptotic_radius(t: int, deviation: float, rho: float, alpha: float = 0.05) -> float:
    """Half the width of the asymptotic band after `t` values of this standard deviation."""
    _check_alpha(alpha)
    return deviation * float(_asymptotic_width(np.array(t), rho, alpha))


def normal_mixture_radius(t: int, deviation: float, rho: float, alpha: float = 0.05) -> float:
    """Half the width of the band of normal values with known deviation (Robbins 1970)."""
    _check_alpha(alpha)
    return deviation * sqrt((t + rho) * log((t + rho) / (rho * alpha * alpha))) / t


def mixture_ratio(t: int, mean: float, variance: float, mixing: float) -> float:
    """Evidence against a mean of 0 after `t` values: 1 / alpha and more decides (mSPRT).

    Source: Johari et al. 2022, arXiv 1512.04922.

    Args:
        t: number of values.
        mean: their mean.
        variance: of one value.
        mixing: variance of the differences that are thought likely (τ²).
    """
    if t < 1 or not (variance > 0 and mixing > 0):
        raise ValueError("the ratio needs a value, a variance and a mixing variance above 0")
    logarithm = _log_ratio(np.array(t), np.array(mean), np.array(variance), mixing)
    return float(np.exp(np.minimum(logarithm, _LARGEST_EXPONENT)))


def always_valid_p(differences: ArrayLike, *, mixing: float, start: int = 30) -> Floats:
    """P value after each difference, for a mean of 0; valid whenever one stops (mSPRT).

    Args:
        differences: in the order of their arrival.
        mixing: variance of the differences that are thought likely (τ²).
        start: values before the first look: their variance is estimated.

    Returns:
        One p value a difference; never rises; 1 before `start`.
    """
    if not mixing > 0:
        raise ValueError(f"mixing must be above 0, got {mixing}")
    d = _finite(differences)
    t = np.arange(1, len(d) + 1)
    means, variances = _running(d)
    looks = (t >= max(start, 2)) & (variances > 0)
    p = np.ones(len(d))
    logarithm = _log_ratio(t[looks], means[looks], variances[looks], mixing)
    p[looks] = np.exp(np.minimum(0.0, -logarithm))
    return np.asarray(np.minimum.accumulate(p), dtype=np.float64)


def _log_ratio(t: NDArray[np.int64], mean: Floats, variance: Floats, mixing: float) -> Floats:
    total = variance + t * mixing
    return np.asarray(
        (np.log(variance / total) + t * t * mixing * mean * mean / (variance * total)) / 2
    )


def _running(x: Floats) -> tuple[Floats, Floats]:
    """Mean and variance (n − 1) of the first 1, 2, … values; the first variance is 0."""
    t = np.arange(1, len(x) + 1)
    centre = x.mean() if len(x) else 0.0  # large values with a small spread would cancel
    sums, squares = np.cumsum(x - centre), np.cumsum((x - centre) ** 2)
    variances = np.maximum(squares - sums**2 / t, 0.0) / np.maximum(t - 1, 1)
    variances[variances < 1e-24 * max(1.0, float(centre**2))] = 0.0  # rounding
    return centre + sums / t, variances


def _asymptotic_width(t: NDArray[np.int64], rho: float, alpha: float) -> Floats:
    scaled = t * rho**2 + 1
    return np.asarray(np.sqrt(2 * scaled / (t * rho) ** 2 * np.log(np.sqrt(scaled) / alpha)))


def _finite(values: ArrayLike) -> Floats:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise ValueError("values must be a flat list of finite numbers")
    return x


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
