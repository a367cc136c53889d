"""Is one run better than another on the same samples? Paired tests, intervals and a verdict.

    >>> compare_paired([1, 1, 0, 1, 0, 1, 1, 0, 1, 1], [1, 0, 0, 1, 0, 0, 1, 0, 1, 0]).p_value
    0.125

    scores            test                                  interval
    all 0 or 1        McNemar, mid-p                        Tango's score interval
    any other         sign flips (exact, then 9,999 draws), Student's t
                      paired t beyond 300 that differ
    clustered         the same over the clusters' sums      t with G − 1, CR1 standard error

A verdict is a claim, so each has its own proof: `improved` and `regressed` need a significant
difference, `unchanged` needs the whole interval of the two one-sided tests within the margin
(Schuirmann 1987). A difference that is merely not significant is `inconclusive`. One that is
significant and within the margin is `unchanged`: the margin is what nobody minds.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, inf, nan, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from llm_eval.stats import power
from llm_eval.stats.intervals import Interval
from llm_eval.stats.paired_rates import mcnemar, tango
from llm_eval.stats.sign_flip import DRAWN_FLIPS, EXACT_FLIPS, FLIP_DRAWS, sign_flip

Floats = NDArray[np.float64]
Verdict = Literal["regressed", "improved", "unchanged", "inconclusive"]

_LEAST_DISTANCE = 1e-9
"""Nearer than that, no number of samples that could be drawn tells two values apart."""


_LARGEST_DIFFERENCE = 1e150
"""The square of a larger one is no number."""


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """Current less baseline over the pairs that have both scores."""

    delta: float
    """Mean difference, in the metric's units; NaN without pairs."""
    ci_low: float
    """Interval at 1 − alpha; infinite where too few pairs bound nothing."""
    ci_high: float
    p_value: float
    """Two-sided; 1 where there is no evidence."""
    verdict: Verdict
    method: str
    n: int
    n_discordant: int
    """Pairs whose scores differ."""
    mde: float | None
    """The smallest true difference that these pairs find 4 times in 5; None where none is."""
    required_n: int | None
    """Pairs at which a difference like the observed one would be decided 4 times in 5."""
    margin_low: float
    """Interval at 1 − 2·alpha, held against the margin: each end is a one-sided bound."""
    margin_high: float
    n_clusters: int
    n_missing: int
    """Pairs left out because a score is NaN, infinite or as good as; with any, nothing passes."""


def compare_paired(
    baseline: ArrayLike,
    current: ArrayLike,
    *,
    alpha: float = 0.05,
    margin: float = 0.0,
    clusters: Sequence[Hashable] | NDArray[np.integer] | None = None,
    higher_is_better: bool = True,
    seed: int = 0,
) -> PairedComparison:
    """Compare the scores of two runs, pair by pair.

    Args:
        baseline: one score a sample.
        current: the same samples in the same order.
        alpha: two-sided error rate, below .5.
        margin: the largest difference that nobody minds, in the metric's units; at 0 nothing is
            ever `unchanged`.
        clusters: one label a sample; samples of one cluster are no independent evidence.
            Integer arrays are fastest.
        higher_is_better: whether a rise is an improvement.
        seed: for tests that draw random signs.

    Raises:
        ValueError: lengths differ, or alpha or margin is out of its range.
    """
    _check(alpha, margin)
    pairs, n_missing = _pairs(baseline, current, clusters)
    test = _Rates(pairs) if pairs.binary else _Means(pairs)
    p_value, method = test.p_value(seed)
    low, high = test.interval(alpha)
    if p_value > alpha:  # the few cells where the interval is the sharper of the two
        low, high = min(low, 0.0), max(high, 0.0)
    within = test.interval(2 * alpha, for_margin=True)
    equivalent = -margin < within.low and within.high < margin
    significant = p_value <= alpha and not low <= 0 <= high
    verdict = _verdict(pairs.delta, significant, equivalent, higher_is_better)
    if n_missing and verdict in ("improved", "unchanged"):
        verdict = "inconclusive"
    decided = significant or equivalent
    return PairedComparison(
        delta=pairs.delta,
        ci_low=low,
        ci_high=high,
        p_value=p_value,
        verdict=verdict,
        method=method,
        n=pairs.n,
        n_discordant=pairs.n_discordant,
        mde=test.detectable(alpha),
        required_n=_required(test, alpha, margin, at_least=0 if decided else pairs.n + 1),
        margin_low=within.low,
        margin_high=within.high,
        n_clusters=pairs.groups,
        n_missing=n_missing,
    )


@dataclass(frozen=True)
class _Pairs:
    """Differences with what is drawn as one: `sums` and `counts` have an entry a cluster."""

    differences: Floats
    sums: Floats
    counts: Floats
    binary: bool
    reach: float
    """Range of all scores, 0 among them: how far one pair could differ."""

    @property
    def n(self) -> int:
        return len(self.differences)

    @property
    def groups(self) -> int:
        return len(self.sums)

    @cached_property
    def delta(self) -> float:
        return float(self.differences.mean()) if self.n else nan

    @cached_property
    def n_discordant(self) -> int:
        return int(np.count_nonzero(self.differences))

    @cached_property
    def largest(self) -> float:
        """The largest difference of a pair, either way."""
        return float(max(self.differences.max(initial=0.0), -self.differences.min(initial=0.0)))

    @property
    def gained(self) -> int:
        return int(np.sum(self.differences > 0))


@dataclass(frozen=True)
class _Rates:
    """Independent pairs of 0 and 1."""

    pairs: _Pairs

    def p_value(self, seed: int) -> tuple[float, str]:
        lost = self.pairs.n_discordant - self.pairs.gained
        return mcnemar(self.pairs.gained, lost).mid_p, "mcnemar mid-p"

    def interval(self, alpha: float, *, for_margin: bool = False) -> Interval:
        lost = self.pairs.n_discordant - self.pairs.gained
        return tango(self.pairs.gained, lost, self.pairs.n, alpha)

    def detectable(self, alpha: float) -> float | None:
        return power.detectable_rate(self.pairs.n, self._discordant, alpha=alpha)

    def required(self, distance: float, alpha: float, target: float) -> int | None:
        if not distance > _LEAST_DISTANCE:
            return None
        return power.required_pairs(min(distance, 1.0), self._discordant, alpha=alpha, power=target)

    @property
    def _discordant(self) -> float:
        return self.pairs.n_discordant / self.pairs.n


@dataclass(frozen=True)
class _Means:
    """Any other scores, and clusters of any scores."""

    pairs: _Pairs

    def p_value(self, seed: int) -> tuple[float, str]:
        prefix = "" if self.pairs.groups == self.pairs.n else "cluster "
        differing = int(np.count_nonzero(self.pairs.sums))
        if differing > DRAWN_FLIPS:
            return self._student(), f"{prefix or 'paired '}t"
        name = "exact" if differing <= EXACT_FLIPS else f"{FLIP_DRAWS} draws"
        p = sign_flip(self.pairs.sums, np.random.default_rng(seed))
        return p, f"{prefix}sign-flip, {name}"

    def interval(self, alpha: float, *, for_margin: bool = False) -> Interval:
        """Student's, but never narrower than what differences not seen yet could change."""
        degrees = self.pairs.groups - 1
        if degrees < 1:
            return Interval(-inf, inf)
        half = float(special.stdtrit(degrees, 1 - alpha / 2)) * self._stderr
        half = max(half, self._unseen(alpha, self._possible if for_margin else self._shown))
        return Interval(self.pairs.delta - half, self.pairs.delta + half)

    def detectable(self, alpha: float) -> float | None:
        pairs = self.pairs
        if pairs.groups < 2:
            return None
        found = power.detectable_mean(pairs.n, between=self._variance, alpha=alpha)
        return max(found, self._unseen(alpha, self._possible))

    def required(self, distance: float, alpha: float, target: float) -> int | None:
        if self.pairs.groups < 2 or not distance > _LEAST_DISTANCE:
            return None
        to_see = _squared_quantile(alpha) * self._possible
        return max(
            power.required_items(distance, between=self._variance, alpha=alpha, power=target),
            ceil(to_see / distance),
        )

    def _student(self) -> float:
        if self._stderr == 0:
            return 0.0
        t = abs(self.pairs.delta) / self._stderr
        return float(2 * special.stdtr(self.pairs.groups - 1, -t))

    @cached_property
    def _stderr(self) -> float:
        """CR1 (Miller 2024, App. A); sd/√n where every cluster is one pair."""
        pairs = self.pairs
        residuals = pairs.counts * pairs.delta
        np.subtract(pairs.sums, residuals, out=residuals)
        np.square(residuals, out=residuals)  # in place: of a million pairs a copy takes 8 MB
        scale = pairs.groups / (pairs.groups - 1)
        return sqrt(scale * float(np.sum(residuals))) / pairs.n

    @property
    def _variance(self) -> float:
        """Of one pair, as if pairs were independent: the design effect is in it."""
        return self.pairs.n * self._stderr**2

    @cached_property
    def _mostly_tied(self) -> bool:
        """Then the few pairs that differ show too little of the spread for Student's t."""
        return 2 * int(np.count_nonzero(self.pairs.sums)) < self.pairs.groups

    @property
    def _possible(self) -> float:
        """How far a whole cluster could differ, for claims that nothing changed."""
        reach = self.pairs.reach if self._mostly_tied else self.pairs.largest
        return reach * float(self.pairs.counts.max())

    @property
    def _shown(self) -> float:
        """How far one cluster did differ, for the interval of the difference."""
        if not self._mostly_tied:
            return 0.0
        sums = self.pairs.sums
        shown = float(max(sums.max(initial=0.0), -sums.min(initial=0.0)))
        return shown or (self.pairs.largest or self.pairs.reach) * float(self.pairs.counts.max())

    def _unseen(self, alpha: float, reach: float) -> float:
        """Tango's half-width without any difference, for clusters of `reach` (1 for rates)."""
        pairs, squared = self.pairs, _squared_quantile(alpha)
        return reach * pairs.groups / pairs.n * squared / (pairs.groups + squared)


def _pairs(
    baseline: ArrayLike,
    current: ArrayLike,
    clusters: Sequence[Hashable] | NDArray[np.integer] | None,
) -> tuple[_Pairs, int]:
    """Pairs with two scores that are numbers, and the number of the others."""
    before = np.asarray(baseline, dtype=np.float64)
    after = np.asarray(current, dtype=np.float64)
    if before.ndim != 1 or before.shape != after.shape:
        raise ValueError(
            f"the runs must have one score a sample: {before.shape} against {after.shape}"
        )
    codes = None if clusters is None else _codes(clusters, len(before))
    with np.errstate(over="ignore", invalid="ignore"):
        d = after - before
    known = np.abs(d) < _LARGEST_DIFFERENCE
    n_missing = len(known) - int(known.sum())
    if n_missing:
        before, after, d = before[known], after[known], d[known]
        codes = None if codes is None else codes[known]
    sums, counts = (d, np.broadcast_to(1.0, len(d))) if codes is None else _by_cluster(d, codes)
    both = (before, after)
    binary = len(sums) == len(d) > 0 and all(bool(np.all((x == 0) | (x == 1))) for x in both)
    reach = max(x.max(initial=0.0) for x in both) - min(x.min(initial=0.0) for x in both)
    return _Pairs(d, sums, counts, binary, float(reach)), n_missing


def _codes(clusters: Sequence[Hashable] | NDArray[np.integer], n: int) -> NDArray[np.intp]:
    if len(clusters) != n:
        raise ValueError(f"clusters must have one label a sample: {len(clusters)} for {n}")
    if isinstance(clusters, np.ndarray) and clusters.dtype.kind in "iu":
        small = n > 0 and clusters.min() >= 0 and clusters.max() < 16 * n + 4096
        codes = clusters if small else np.unique(clusters, return_inverse=True)[1]
        return codes.astype(np.intp, copy=False)
    numbers: dict[Hashable, int] = {}
    return np.fromiter((numbers.setdefault(c, len(numbers)) for c in clusters), np.intp, n)


def _by_cluster(d: Floats, codes: NDArray[np.intp]) -> tuple[Floats, Floats]:
    counts = np.bincount(codes)
    sums = np.bincount(codes, weights=d)[counts > 0]
    return sums.astype(np.float64), counts[counts > 0].astype(np.float64)


def _required(test: _Rates | _Means, alpha: float, margin: float, at_least: int) -> int | None:
    """Pairs that tell the observed difference from 0, or both margins from it: what takes fewer."""
    delta = abs(test.pairs.delta)
    to_differ = test.required(delta, alpha, target=0.8)
    to_equal = test.required(margin - delta, 2 * alpha, target=0.9)  # .8 for both sides at once
    needed = [n for n in (to_differ, to_equal) if n is not None]
    return max(min(needed), at_least) if needed else None


def _verdict(delta: float, significant: bool, equivalent: bool, higher_is_better: bool) -> Verdict:
    if equivalent:
        return "unchanged"
    if not significant:
        return "inconclusive"
    return "improved" if (delta > 0) == higher_is_better else "regressed"


def _squared_quantile(alpha: float) -> float:
    return float(special.ndtri(1 - alpha / 2)) ** 2


def _check(alpha: float, margin: float) -> None:
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha must lie between 0 and .5, got {alpha}")
    if not 0 <= margin < inf:
        raise ValueError(f"margin must be finite and not negative, got {margin}")
