"""Floors and ceilings: the whole interval of a number held against a limit.

    low ≥ min            pass            the floor holds, whatever the luck of these samples
    high < min           fail            it is broken, by more than luck
    min between the two  inconclusive    with the number of samples that would decide it

A point estimate at its true value falls below a limit set there every second time; its interval
does so in α/2 of runs.
"""

from dataclasses import dataclass
from math import isfinite, nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from llm_eval.ci.finding import Finding
from llm_eval.stats import power
from llm_eval.stats.clusters import Clusters, numbered
from llm_eval.stats.intervals import cluster_t_interval, t_interval, unseen, wilson

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bounded:
    """A mean with its interval, seen from a limit."""

    value: float
    low: float
    high: float
    n: int
    """Values that went in."""
    n_units: int
    """Values or clusters that are independent of one another."""
    variance: float
    """Of one value, as if values were independent: the design effect is in it."""
    p_value: float
    """Two-sided, against the mean being the limit; 1 where nothing is known."""

    @property
    def shown(self) -> str:
        """`0.87 [0.81, 0.92], n = 120`."""
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}], n = {self.n}"


def bound(
    values: Floats,
    units: Clusters | None,
    *,
    rate: bool,
    reach: float,
    limit: float,
    alpha: float,
) -> Bounded:
    """Interval of a mean, and the evidence against its being `limit`.

    Args:
        values: finite, at least one.
        units: what each value belongs to where values are not independent: a cluster, or the
            sample that was tried several times.
        rate: every value is 0 or 1.
        reach: the range of the values, for what too few samples cannot show.
        limit: the number that the interval is held against.
        alpha: 1 − confidence.
    """
    if rate and units is None:
        return _rate(values, limit, alpha)
    found = t_interval(values, alpha) if units is None else cluster_t_interval(values, units, alpha)
    n, n_units = len(values), len(values) if units is None else 1 + int(numbered(units).max())
    half = max((found.high - found.low) / 2, _unseen(values, n_units, reach, alpha))
    if n_units < 2 or not isfinite(half):
        return Bounded(float(values.mean()), -np.inf, np.inf, n, n_units, nan, 1.0)
    low, high = found.value - half, found.value + half
    if rate:
        low, high = max(low, 0.0), min(high, 1.0)
    p_value = 0.0
    if found.stderr > 0:
        t = abs(found.value - limit) / found.stderr
        p_value = float(2 * special.stdtr(n_units - 1, -t))
    variance = n * max(found.stderr, half / 2) ** 2
    return Bounded(found.value, low, high, n, n_units, variance, p_value)


def at_least(found: Bounded, limit: float, alpha: float, what: str) -> Finding:
    """The floor `limit`."""
    return _against(found, limit, alpha, what, sign=1)


def at_most(found: Bounded, limit: float, alpha: float, what: str) -> Finding:
    """The ceiling `limit`."""
    return _against(found, limit, alpha, what, sign=-1)


def _against(found: Bounded, limit: float, alpha: float, what: str, sign: int) -> Finding:
    side, verb = ("lower", "reach") if sign > 0 else ("upper", "stay within")
    edges = sorted((sign * found.low, sign * found.high))
    shown = f"{what} is {found.shown}"
    p_value = found.p_value if sign * (found.value - limit) < 0 else 1.0
    if edges[0] >= sign * limit:
        reason = f"{shown}; its {side} bound must {verb} {limit:g}, and does"
        return Finding("pass", found.value, limit, reason, p_value)
    if edges[1] < sign * limit:
        reason = f"{shown}; the whole interval lies beyond {limit:g}"
        return Finding("fail", found.value, limit, reason, p_value)
    needed = _required(found, limit, alpha)
    reason = f"{shown}; its {side} bound must {verb} {limit:g}, which lies inside the interval: "
    reason += (
        f"about {needed:,} samples would decide it, if the value stays"
        if needed
        else "no number of samples decides it while the value is the limit"
    )
    return Finding("inconclusive", found.value, limit, reason, p_value, needed)


def _rate(values: Floats, limit: float, alpha: float) -> Bounded:
    n, value = len(values), float(values.mean())
    low, high = wilson(float(values.sum()), n, alpha)
    under_limit = limit * (1 - limit)
    if under_limit > 0:
        z = abs(value - limit) / sqrt(under_limit / n)
        p_value = float(2 * special.ndtr(-z))
    else:  # a rate of exactly 0 or 1 is refuted by one sample
        p_value = 1.0 if value == limit else 0.0
    variance = max(value * (1 - value), under_limit, 1 / (n + 4))
    return Bounded(value, low, high, n, n, variance, p_value)


def _unseen(values: Floats, n_units: int, reach: float, alpha: float) -> float:
    """Half-width for values that are mostly one and the same: Student's t would say too little."""
    ties = int(np.unique(values, return_counts=True)[1].max())
    if 2 * ties <= len(values):
        return 0.0
    return unseen(n_units, reach, alpha)


def _required(found: Bounded, limit: float, alpha: float) -> int | None:
    distance = abs(found.value - limit)
    if not distance > 0 or not found.variance > 0:
        return None
    needed = power.required_items(distance, between=found.variance, alpha=alpha)
    return max(needed, found.n + 1)
