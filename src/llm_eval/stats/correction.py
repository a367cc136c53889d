"""A rate told by a judge that errs, put right by the few answers that people labelled.

    >>> rate = rogan_gladen((80, 100), specificity=(85, 100), sensitivity=(90, 100))
    >>> round(rate.value, 4)
    0.8667

Prediction-powered inference is the default: it needs no model of the judge, holds for grades as
for rates, and is never worse than the labels alone. A judge no better than the model that it
judges saves at most half of the labels (Dorner, Nastl & Hardt 2024, arXiv 2410.13341).
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]


class Corrected(NamedTuple):
    """A mean with its interval, corrected for what the judge gets wrong."""

    value: float
    stderr: float
    low: float
    high: float
    weight: float
    """How far the judge is trusted: 0 is the labels alone, 1 the judge less its mean error."""
    gain: float
    """How many plain labels one label is worth with the judge's help."""


class Rate(NamedTuple):
    """A rate with its interval."""

    value: float
    low: float
    high: float


def prediction_powered(
    labels: ArrayLike,
    judged: ArrayLike,
    judged_only: ArrayLike,
    *,
    weight: float | None = None,
    alpha: float = 0.05,
) -> Corrected:
    """Mean of the labels to be had of everyone, from some labels and many judgements (PPI++).

    Source: Angelopoulos, Duchi & Zrnic 2023, arXiv 2311.01453.

    Args:
        labels: n values by people, drawn at random from all items.
        judged: the judge's values of the same n items.
        judged_only: the judge's values of N other items.
        weight: 0…1; the one of least variance where left out.
        alpha: 1 − confidence.

    Raises:
        ValueError: fewer than two labels, lengths differ, a value is missing, or the weight is
            out of its range.
    """
    y, f = np.asarray(labels, dtype=np.float64), np.asarray(judged, dtype=np.float64)
    unlabelled = np.asarray(judged_only, dtype=np.float64)
    _check_values(y, f, unlabelled)
    if weight is None:
        weight = _best_weight(y, f, unlabelled)
    elif not 0 <= weight <= 1:
        raise ValueError(f"weight must lie between 0 and 1, got {weight}")
    value, variance = float(y.mean()), float(np.var(y - weight * f)) / len(y)
    if weight > 0 and not len(unlabelled):
        raise ValueError("a weight above 0 needs items that only the judge has seen")
    if weight > 0:
        value += weight * float(unlabelled.mean() - f.mean())
        variance += weight**2 * float(np.var(unlabelled)) / len(unlabelled)
    stderr, alone = sqrt(variance), float(np.var(y)) / len(y)
    half = float(special.ndtri(1 - alpha / 2)) * stderr
    gain = alone / variance if variance > 0 else 1.0
    return Corrected(value, stderr, value - half, value + half, weight, gain)


def rogan_gladen(
    judged_right: tuple[int, int],
    *,
    specificity: tuple[int, int],
    sensitivity: tuple[int, int],
    alpha: float = 0.05,
) -> Rate:
    """True rate behind a judge's rate, from how often it is right on labelled items.

    For labels that are no random draw of the items judged, which prediction-powered inference
    needs. The interval carries the doubt about both the judgements and the judge (Lang &
    Reiczigel 2014; Lee et al. 2025, arXiv 2511.21140).

    Args:
        judged_right: answers that the judge calls right, of all that it judged.
        specificity: answers that it calls wrong, of those labelled wrong.
        sensitivity: answers that it calls right, of those labelled right.
        alpha: 1 − confidence.

    Raises:
        ValueError: a count exceeds its total, a total is 0, or the judge does no better than
            chance on the labels: then its rate says nothing.
    """
    p, q0, q1 = (_share(pair) for pair in (judged_right, specificity, sensitivity))
    if q0 + q1 <= 1:
        raise ValueError(
            f"the judge does no better than chance (specificity {q0:.3g}, sensitivity {q1:.3g}):"
            " its rate cannot be corrected; use another judge"
        )
    low, high = _lang_reiczigel(judged_right, specificity, sensitivity, alpha)
    value = min(1.0, max(0.0, (p + q0 - 1) / (q0 + q1 - 1)))
    return Rate(value, min(low, value), max(high, value))


def _best_weight(y: Floats, f: Floats, unlabelled: Floats) -> float:
    """λ* = Cov(Y, f) / ((1 + n/N) · Var(f)), within 0…1."""
    if not len(unlabelled):
        return 0.0
    spread = float(np.var(np.concatenate([f, unlabelled]), ddof=1))
    if spread == 0:
        return 0.0
    together = float(np.mean((y - y.mean()) * (f - f.mean())))
    return min(1.0, max(0.0, together / ((1 + len(y) / len(unlabelled)) * spread)))


def _lang_reiczigel(
    judged_right: tuple[int, int],
    specificity: tuple[int, int],
    sensitivity: tuple[int, int],
    alpha: float,
) -> tuple[float, float]:
    z = float(special.ndtri(1 - alpha / 2))
    p, n = _shrunk(judged_right, z * z)
    (q0, m0), (q1, m1) = _shrunk(specificity, 2), _shrunk(sensitivity, 2)
    scale = q0 + q1 - 1
    if scale <= 0:
        return 0.0, 1.0
    theta = (p + q0 - 1) / scale
    doubt0, doubt1 = q0 * (1 - q0) / m0, q1 * (1 - q1) / m1
    centre = theta + 2 * z * z * (theta * doubt1 - (1 - theta) * doubt0)
    half = z * sqrt(p * (1 - p) / n + (1 - theta) ** 2 * doubt0 + theta**2 * doubt1) / scale
    return max(0.0, centre - half), min(1.0, centre + half)


def _shrunk(pair: tuple[int, int], pseudo: float) -> tuple[float, float]:
    """A share after `pseudo` more trials, half of them hits, and the trials."""
    return (pair[0] + pseudo / 2) / (pair[1] + pseudo), pair[1] + pseudo


def _share(pair: tuple[int, int]) -> float:
    hits, total = pair
    if total < 1 or not 0 <= hits <= total:
        raise ValueError(f"need 0 ≤ count ≤ total and total ≥ 1, got {hits} of {total}")
    return hits / total


def _check_values(y: Floats, f: Floats, unlabelled: Floats) -> None:
    if len(y) != len(f) or len(y) < 2:
        raise ValueError(f"need two or more labels, each judged too: {len(y)} and {len(f)}")
    if not all(np.isfinite(values).all() for values in (y, f, unlabelled)):
        raise ValueError("labels and judgements must be finite numbers; leave missing items out")
