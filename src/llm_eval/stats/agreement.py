"""How far raters agree beyond chance: people with people, or a judge with people.

    >>> kappa_of_table([[20, 5], [10, 15]])
    Kappa(value=0.4…, stderr=0.1269…, low=0.1510…, high=0.6489…)

Of two raters and one label each: Cohen's κ. Of more raters, numbers or holes: Krippendorff's α.
Where nearly everything has one label, κ and α fall although everybody agrees; Gwet's AC1 does not
(Gwet 2008). All are 1 at full agreement, 0 at chance, and NaN where nothing could disagree.
"""

from collections.abc import Callable, Hashable, Sequence
from math import sqrt
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from llm_eval.stats.intervals import Interval

Floats = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval", "ratio"]
Weights = Literal["linear", "quadratic"]


class Kappa(NamedTuple):
    """Agreement beyond chance with its large-sample standard error and interval."""

    value: float
    stderr: float
    low: float
    high: float


def percent_agreement(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """Share of items that both raters gave the same label; what it says depends on chance."""
    _check_lengths(first, second)
    return sum(a == b for a, b in zip(first, second, strict=True)) / len(first)


def cohen_kappa(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    *,
    weights: Weights | None = None,
    labels: Sequence[Hashable] | None = None,
    alpha: float = 0.05,
) -> Kappa:
    """Cohen's κ of two raters (1960), weighted where labels are grades (1968).

    Args:
        first: one label an item.
        second: the other rater's labels of the same items.
        weights: how far apart two labels are; needs `labels`, whose order then counts.
        labels: every label there is; those seen where left out.
        alpha: 1 − confidence of the interval.

    Raises:
        ValueError: lengths differ, nothing is rated, a label is none of `labels`, or weights
            are asked for without an order of labels.
    """
    _check_lengths(first, second)
    if weights is not None and labels is None:
        raise ValueError("weights need labels in their order, from one end to the other")
    codes = {label: code for code, label in enumerate(labels or dict.fromkeys([*first, *second]))}
    table = np.zeros((len(codes), len(codes)))
    for a, b in zip(first, second, strict=True):
        if a not in codes or b not in codes:
            raise ValueError(f"no such label: {b if a in codes else a!r}")
        table[codes[a], codes[b]] += 1
    return kappa_of_table(table, weights=weights, alpha=alpha)


def kappa_of_table(
    table: ArrayLike, *, weights: Weights | None = None, alpha: float = 0.05
) -> Kappa:
    """Cohen's κ from a square table of counts: rows the first rater's labels, columns the other's.

    Standard error: Fleiss, Cohen & Everitt 1969. Unlike κ itself it needs some fifty items.
    """
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.sum() > 0:
        raise ValueError(f"κ needs a square table with some counts, got {counts.shape}")
    n, p = float(counts.sum()), counts / counts.sum()
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    credit = _credit(len(p), weights)
    observed, expected = float(np.sum(credit * p)), float(rows @ credit @ columns)
    if expected >= 1 - 1e-12:
        return Kappa(*[float("nan")] * 4)
    value = (observed - expected) / (1 - expected)
    by_pair = (credit @ columns)[:, None] + (rows @ credit)[None, :]
    spread = float(np.sum(p * (credit - by_pair * (1 - value)) ** 2))
    spread -= (value - expected * (1 - value)) ** 2
    stderr = sqrt(max(spread, 0.0) / n) / (1 - expected)
    half = float(special.ndtri(1 - alpha / 2)) * stderr
    return Kappa(value, stderr, max(-1.0, value - half), min(1.0, value + half))


def fleiss_kappa(counts: ArrayLike) -> float:
    """κ of many raters, not the same for every item (Fleiss 1971).

    Args:
        counts: items × labels; how many raters gave the item the label. Every item has the same
            number of ratings, at least two.
    """
    table = np.asarray(counts, dtype=np.float64)
    ratings = table.sum(axis=1) if table.ndim == 2 else np.zeros(0)
    if not len(ratings) or ratings[0] < 2 or np.any(ratings != ratings[0]):
        raise ValueError("Fleiss' κ needs items × labels with equally many ratings, at least 2")
    observed = float(np.mean(_pairs_that_agree(table)))
    expected = float(np.sum((table.sum(axis=0) / table.sum()) ** 2))
    return _beyond(observed, expected)


def krippendorff_alpha(ratings: ArrayLike, level: Level = "nominal") -> float:
    """Krippendorff's α of any number of raters, with holes (2011).

    Args:
        ratings: items × raters; labels as numbers, NaN where a rater gave none. Items with fewer
            than two ratings say nothing and are left out.
        level: what differences of two values mean.

    Returns:
        NaN where all values are equal: nothing could have disagreed.
    """
    values, counts = _value_counts(ratings)
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        return float("nan")
    weight = 1 / (counts.sum(axis=1) - 1)
    coincidences = (counts * weight[:, None]).T @ counts - np.diag(weight @ counts)
    totals = coincidences.sum(axis=1)
    distance = _distance(values, totals, level)
    expected = float(totals @ distance @ totals) / (totals.sum() - 1)
    return float(1 - np.sum(coincidences * distance) / expected) if expected > 0 else float("nan")


def gwet_ac1(ratings: ArrayLike, labels: Sequence[float] | None = None) -> float:
    """Gwet's AC1 of any number of raters, with holes (Gwet 2008): steady where one label rules.

    Args:
        ratings: items × raters; labels as numbers, NaN where a rater gave none.
        labels: every label there is; those seen where left out.
    """
    values, counts = _value_counts(ratings)
    kinds = len(values) if labels is None else len(labels)
    if labels is not None and not np.isin(values, labels).all():
        raise ValueError(f"ratings hold values that are none of the labels {list(labels)}")
    rated, shared = counts[counts.sum(axis=1) >= 1], counts[counts.sum(axis=1) >= 2]
    if kinds < 2 or not len(shared):
        return float("nan")
    prevalence = np.mean(rated / rated.sum(axis=1, keepdims=True), axis=0)
    chance = float(np.sum(prevalence * (1 - prevalence))) / (kinds - 1)
    return _beyond(float(np.mean(_pairs_that_agree(shared))), chance)


def agreement_interval(
    ratings: ArrayLike,
    statistic: Callable[[Floats], float],
    *,
    rng: np.random.Generator,
    alpha: float = 0.05,
    n_resamples: int = 2000,
) -> Interval:
    """Percentile bootstrap over the items of any agreement of this module.

    Args:
        ratings: items × raters.
        statistic: of such an array, e.g. `krippendorff_alpha`.
        rng: the source of randomness.
        alpha: 1 − confidence.
        n_resamples: how many resamples; those in which nothing could disagree are left out.
    """
    table = np.asarray(ratings, dtype=np.float64)
    unknown = Interval(float("nan"), float("nan"))
    if len(table) < 2:
        return unknown
    draws = rng.integers(0, len(table), size=(n_resamples, len(table)))
    found = np.array([statistic(table[rows]) for rows in draws])
    found = found[~np.isnan(found)]
    if not len(found):
        return unknown
    low, high = np.quantile(found, [alpha / 2, 1 - alpha / 2])
    return Interval(float(low), float(high))


def _beyond(observed: float, expected: float) -> float:
    return (observed - expected) / (1 - expected) if expected < 1 - 1e-12 else float("nan")


def _pairs_that_agree(counts: Floats) -> Floats:
    """Of each item's pairs of ratings, the share with one label."""
    ratings = counts.sum(axis=1)
    return np.asarray(
        np.sum(counts * (counts - 1), axis=1) / (ratings * (ratings - 1)), dtype=np.float64
    )


def _credit(labels: int, weights: Weights | None) -> Floats:
    """How far two labels count as one: 1 on the diagonal."""
    if weights is None or labels < 2:
        return np.eye(labels)
    apart = np.abs(np.subtract.outer(np.arange(labels), np.arange(labels))) / (labels - 1)
    return np.asarray(1 - (apart if weights == "linear" else apart**2), dtype=np.float64)


def _value_counts(ratings: ArrayLike) -> tuple[Floats, Floats]:
    """All values in order, and items × values: how often each item has each."""
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"ratings must be items × raters, got {table.ndim} dimensions")
    item, rater = np.nonzero(~np.isnan(table))
    values, codes = np.unique(table[item, rater], return_inverse=True)
    counts = np.zeros((len(table), len(values)))
    np.add.at(counts, (item, codes), 1.0)
    return values, counts


def _distance(values: Floats, totals: Floats, level: Level) -> Floats:
    """Squared difference of every two values (Krippendorff 2011, § E)."""
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "ordinal":  # values between two, each with how often it was given
        ranks = np.cumsum(totals) - totals / 2
        return np.asarray(np.subtract.outer(ranks, ranks) ** 2, dtype=np.float64)
    apart = np.subtract.outer(values, values) ** 2
    if level == "interval":
        return np.asarray(apart, dtype=np.float64)
    if np.any(values < 0):
        raise ValueError(f"a ratio scale starts at 0, got {values.min()}")
    size = np.add.outer(values, values) ** 2
    ratio = np.divide(apart, size, out=np.zeros_like(apart), where=size > 0)
    return np.asarray(ratio, dtype=np.float64)


def _check_lengths(first: Sequence[Hashable], second: Sequence[Hashable]) -> None:
    if len(first) != len(second) or not len(first):
        raise ValueError(f"both raters must rate the same items: {len(first)}, {len(second)}")
