"""Adjusted p values of a family of tests: compare each with the level for the whole family.

    >>> holm([0.01, 0.04, 0.03, 0.005]).round(3).tolist()
    [0.03, 0.06, 0.06, 0.02]

Holm holds the chance of any false alarm (gates). Benjamini–Hochberg holds the share of false
alarms among the findings (exploration); Benjamini–Yekutieli does so however the tests depend on
one another (slices that overlap).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def bonferroni(p_values: ArrayLike) -> Floats:
    """Every p value times their number; holds the family-wise error. Holm is never weaker."""
    p = _checked(p_values)
    return np.minimum(p * len(p), 1.0)


def holm(p_values: ArrayLike) -> Floats:
    """Step-down adjustment that holds the family-wise error under any dependence (Holm 1979).

    Args:
        p_values: one a test, in any order.

    Returns:
        As many adjusted p values in the same order; never below the raw ones.

    Raises:
        ValueError: a p value is NaN or outside 0…1.
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * np.arange(len(p), 0, -1)
    return _in_place(np.maximum.accumulate(scaled), order)


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Step-up adjustment that holds the false discovery rate (Benjamini & Hochberg 1995).

    Of tests that are independent or positively dependent, such as metrics of one run.
    """
    return _step_up(_checked(p_values), 1.0)


def benjamini_yekutieli(p_values: ArrayLike) -> Floats:
    """Step-up adjustment that holds the false discovery rate under any dependence (2001)."""
    p = _checked(p_values)
    return _step_up(p, float(np.sum(1.0 / np.arange(1, len(p) + 1))))


def _step_up(p: Floats, factor: float) -> Floats:
    order = np.argsort(p, kind="stable")[::-1]
    scaled = p[order] * factor * len(p) / np.arange(len(p), 0, -1)
    return _in_place(np.minimum.accumulate(scaled), order)


def _in_place(adjusted: Floats, order: NDArray[np.intp]) -> Floats:
    result = np.empty_like(adjusted)
    result[order] = np.minimum(adjusted, 1.0)
    return result


def _checked(p_values: ArrayLike) -> Floats:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise ValueError(f"p values must be a flat list, got {p.ndim} dimensions")
    wrong = ~((p >= 0) & (p <= 1))
    if wrong.any():
        raise ValueError(f"a p value must lie between 0 and 1, got {p[wrong][0]}")
    return p
