"""Two rates over the same samples: McNemar's test, and Tango's interval of their difference.

    >>> mcnemar(5, 15).mid_p, tango(5, 15, 100)
    (0.0266…, Interval(low=-0.187…, high=-0.012…))

Only the pairs that differ count: `gained` went from 0 to 1, `lost` from 1 to 0.
"""

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

from scipy import special

from llm_eval.stats.intervals import Interval


class McNemar(NamedTuple):
    """Two-sided p values of McNemar's test."""

    exact: float
    mid_p: float


def mcnemar(gained: int, lost: int) -> McNemar:
    """McNemar's test from the two counts of discordant pairs (McNemar 1947).

    The mid-p value counts half of the observed outcome: it holds the error rate in practice and
    finds more than the exact one (Fagerland, Lydersen & Laake 2013). No χ² at any count.
    """
    if min(gained, lost) < 0:
        raise ValueError(f"counts must not be negative, got {gained} and {lost}")
    m, fewer = gained + lost, min(gained, lost)
    at_most = float(special.bdtr(fewer, m, 0.5))
    below = float(special.bdtr(fewer - 1, m, 0.5)) if fewer else 0.0
    return McNemar(min(1.0, 2 * at_most), min(1.0, at_most + below))


def tango(gained: int, lost: int, n: int, alpha: float = 0.05) -> Interval:
    """Score interval of the difference of two paired rates, (gained − lost) / n (Tango 1998).

    It has a width where no pair differs: ± z² / (n + z²).

    Args:
        gained: pairs that went from 0 to 1.
        lost: pairs that went from 1 to 0.
        n: all pairs, at least 1.
        alpha: 1 − confidence.
    """
    if n < 1 or min(gained, lost) < 0 or gained + lost > n:
        raise ValueError(f"need gained + lost ≤ n and n ≥ 1, got {gained}, {lost} and {n}")
    z = float(special.ndtri(1 - alpha / 2))
    delta = (gained - lost) / n

    def outside(difference: float) -> bool:
        variance = _tango_variance(gained, lost, n, difference)
        return n * (delta - difference) ** 2 > z * z * variance

    return Interval(_boundary(outside, -1.0, delta), _boundary(outside, 1.0, delta))


def _tango_variance(gained: int, lost: int, n: int, difference: float) -> float:
    """Variance of one pair's difference, at the likeliest rates that differ by `difference`."""
    # Signs as in Tango 1998, with lost as his cell 21: q is the chance to go from 1 to 0.
    b = -gained - lost + (2 * n - gained + lost) * difference
    c = -lost * difference * (1 - difference)
    q = (sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    return max(2 * q + difference * (1 - difference), 0.0)


def _boundary(outside: Callable[[float], bool], far: float, near: float) -> float:
    """Where the interval around `near` ends on the way to `far`, to 1e-12, on the safe side."""
    if not outside(far):
        return far
    while abs(far - near) > 1e-12:
        middle = (far + near) / 2
        far, near = (middle, near) if outside(middle) else (far, middle)
    return far
