"""One metric of two runs: the test, what missing scores could change, the verdict.

>>> level = Level(alpha=0.05, margin=0.02, seed=0)
>>> level.test(Metric("exact_match", "rate"), baseline, current, clusters=None).verdict
'regressed'
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm_eval.stats.intervals import Interval
from llm_eval.stats.paired import PairedComparison, Verdict, compare_paired
from llm_eval.types import Metric

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric of two runs, over the samples that both scored."""

    metric: Metric
    baseline: float
    """Mean over those samples; NaN without any."""
    current: float
    test: PairedComparison
    ci95: Interval
    """Of the difference; `test` has the one at 1 − alpha."""
    p_adjusted: float
    """Over the family: all metrics, or all metrics in all slices."""
    verdict: Verdict
    n_missing: int = 0
    """Pairs that one of the runs has no score for."""
    undecided_by_missing: bool = False
    """Without those pairs there would be a verdict."""
    required_n: int | None = None
    """Where inconclusive: about how many pairs would decide a difference like this one."""
    mde: float | None = None
    """The smallest true difference that these pairs find 4 times in 5, as adjusted."""

    def held(self, p_adjusted: float, alpha: float) -> "MetricComparison":
        """As one of a family: a difference that does not survive it is inconclusive."""
        raw, verdict = self.test, self.verdict
        if verdict in ("regressed", "improved") and p_adjusted > alpha:
            verdict = "inconclusive"
        # What the level of the family asks of one test, in terms of what the plain level asked.
        times = p_adjusted / raw.p_value if raw.p_value else 1.0
        farther = _quantiles(alpha / times) / _quantiles(alpha)
        needed = raw.required_n
        if needed is not None:
            needed = max(ceil(needed * farther**2), raw.n + 1)
        return replace(
            self,
            p_adjusted=p_adjusted,
            verdict=verdict,
            mde=None if raw.mde is None else raw.mde * farther,
            required_n=needed if verdict == "inconclusive" else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """As in the `--json` object."""
        return {
            "baseline": _number(self.baseline),
            "current": _number(self.current),
            "delta": _number(self.test.delta),
            "ci95": [_number(self.ci95.low), _number(self.ci95.high)],
            "p_value": _number(self.test.p_value),
            "p_adjusted": _number(self.p_adjusted),
            "verdict": self.verdict,
            "method": self.test.method,
            "n": self.test.n,
            "n_discordant": self.test.n_discordant,
            "n_clusters": self.test.n_clusters,
            "n_missing": self.n_missing,
            "mde": _number(self.mde),
            "required_n": self.required_n,
        }


Metrics = Mapping[str, MetricComparison]


@dataclass(frozen=True, slots=True)
class Level:
    """How a difference is tested."""

    alpha: float
    margin: float
    """As a share of the metric's range."""
    seed: int

    def test(
        self,
        metric: Metric,
        baseline: Floats,
        current: Floats,
        clusters: NDArray[np.intp] | None,
    ) -> MetricComparison:
        """One metric over these pairs, NaN where a score is missing; p is not adjusted yet."""
        known = np.isfinite(baseline) & np.isfinite(current)
        left, right, kept = baseline, current, clusters
        if not known.all():
            left, right = baseline[known], current[known]
            kept = None if clusters is None else clusters[known]
        result = self._compare(metric, left, right, kept)
        verdict: Verdict = result.verdict
        if verdict in ("improved", "unchanged") and not known.all():
            before = np.where(known, baseline, metric.best)
            least = self._compare(metric, before, np.where(known, current, metric.worst), clusters)
            verdict = verdict if least.verdict == verdict else "inconclusive"
        usual = self.alpha == 0.05
        ci95 = result if usual else self._compare(metric, left, right, kept, alpha=0.05)
        return MetricComparison(
            metric,
            _mean(left),
            _mean(right),
            result,
            Interval(ci95.ci_low, ci95.ci_high),
            result.p_value,
            verdict,
            int((~known).sum()),
            undecided_by_missing=verdict != result.verdict,
        )

    def _compare(
        self,
        metric: Metric,
        baseline: Floats,
        current: Floats,
        clusters: NDArray[np.intp] | None,
        *,
        alpha: float | None = None,
    ) -> PairedComparison:
        return compare_paired(
            baseline,
            current,
            alpha=alpha or self.alpha,
            margin=self.margin * abs(metric.best - metric.worst),
            clusters=clusters,
            higher_is_better=metric.higher_is_better,
            seed=self.seed,
        )


def _quantiles(alpha: float) -> float:
    """How many standard errors away a true difference is found 4 times in 5."""
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(0.8)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _number(value: float | None) -> float | None:
    """JSON has no NaN and no infinity."""
    return value if value is not None and np.isfinite(value) else None
