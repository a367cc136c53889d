"""Is the change worse? Paired statistics for every metric, whole and by slice.

>>> [comparison] = compare_runs(storage, baseline, [current])
>>> comparison.verdict, comparison.metrics["exact_match"].p_adjusted
('regressed', 0.0004)

A sample that either run could not score leaves the test, but never the verdict: the test is made
twice, without such samples and with the worst that they could have been for the change (current:
worst, baseline: best). `improved` and `unchanged` must hold in both; otherwise nobody knows.

Two families hold their error rate each: the metrics, and the metrics within slices. A regression
needs a two-sided p value, so both together alarm about unchanged runs at most as often as alpha.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm_eval.compare.changes import Changes, find_changes
from llm_eval.compare.comparability import Difference, check_comparable, recipe_differences
from llm_eval.compare.families import adjust, exact_p, least_p
from llm_eval.compare.pairing import Paired, pair
from llm_eval.compare.usage import Consumed, Usage, compare_usage, usage_objects
from llm_eval.errors import IncomparableError
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.stats.intervals import Interval
from llm_eval.stats.paired import PairedComparison, Verdict, compare_paired
from llm_eval.types import Metric, RunInfo

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

DEFAULT_ALPHA = 0.05
DEFAULT_MARGIN = 0.02
VERDICTS: tuple[Verdict, ...] = ("regressed", "improved", "unchanged", "inconclusive")


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


Metrics = Mapping[str, MetricComparison]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, compared."""

    baseline: RunInfo
    current: RunInfo
    alpha: float
    margin: float
    allowed: tuple[str, ...]
    """Recipe fields that differ although they should not, and were allowed to."""
    differences: tuple[Difference, ...]
    """All that differs between the recipes: what the change is."""
    n_paired: int
    """Samples that both runs have a result for."""
    only_baseline: tuple[str, ...]
    only_current: tuple[str, ...]
    metrics: Metrics
    slices: Mapping[str, Metrics]
    changes: Changes = field(repr=False)
    usage: Usage = field(repr=False)

    @property
    def verdict(self) -> Verdict:
        """`regressed` if anything did, also in a slice; else no better than the least known."""
        found = {c.verdict for c in self.metrics.values()}
        if self.regressed:
            return "regressed"
        if not found or "inconclusive" in found:
            return "inconclusive"
        return "improved" if "improved" in found else "unchanged"

    @property
    def regressed(self) -> bool:
        """Whether any metric regressed, over all samples or within a slice."""
        tested = [self.metrics, *self.slices.values()]
        return any(c.verdict == "regressed" for group in tested for c in group.values())

    @property
    def incomplete(self) -> bool:
        """Whether the current run lacks what a verdict needs: it never counts as a pass."""
        undecided = any(c.undecided_by_missing for c in self.metrics.values())
        return self.current.status != "complete" or undecided or not self.n_paired

    @property
    def n_missing(self) -> int:
        """The most pairs that any metric had to leave out."""
        return max((c.n_missing for c in self.metrics.values()), default=0)

    def to_dict(self) -> dict[str, Any]:
        """The `--json` object."""
        return {
            "baseline": self.baseline.run_id,
            "current": self.current.run_id,
            "comparable": True,
            "verdict": self.verdict,
            "incomplete": self.incomplete,
            "alpha": self.alpha,
            "margin": self.margin,
            "n_paired": self.n_paired,
            "n_only_baseline": len(self.only_baseline),
            "n_only_current": len(self.only_current),
            "metrics": _objects(self.metrics),
            "slices": {name: _objects(metrics) for name, metrics in self.slices.items()},
            **_judges(self.baseline, self.current),
            "newly_failing": [sample.to_dict() for sample in self.changes.newly_failing],
            "newly_passing": [sample.to_dict() for sample in self.changes.newly_passing],
            "unstable": [sample.to_dict() for sample in self.changes.unstable],
            **usage_objects(self.usage),
            "allowed": self.allowed,
            "differences": [
                {"field": d.field, "baseline": d.baseline, "current": d.current}
                for d in self.differences
            ],
        }


def compare_runs(
    storage: MetricsStorage,
    baseline: RunInfo,
    currents: Sequence[RunInfo],
    *,
    alpha: float = DEFAULT_ALPHA,
    margin: float = DEFAULT_MARGIN,
    allow: Sequence[str] = (),
    seed: int = 0,
) -> list[Comparison]:
    """Compare each of `currents` with `baseline`, sample by sample.

    Args:
        storage: holds the runs.
        baseline: what the changes are measured against.
        currents: the changes; p values are adjusted over all of them.
        alpha: two-sided error rate of the family of metrics, and of that of slices.
        margin: the largest difference that nobody minds, as a share of the metric's range.
        allow: recipe fields that may differ.
        seed: for tests that draw random signs.

    Raises:
        IncomparableError: recipes differ in a field that is not allowed to, or no sample is shared.
    """
    allowed = [check_comparable(baseline.recipe, run.recipe, allow) for run in currents]
    left = _consumed(storage, baseline)
    compared = [
        _compared(
            left,
            baseline,
            _consumed(storage, run),
            run,
            _Level(alpha, margin, seed),
            fields,
            partial(storage.sample_ids, run.run_id),
        )
        for run, fields in zip(currents, allowed, strict=True)
    ]
    return _adjusted(compared)


def compare(
    storage: MetricsStorage, baseline: RunInfo, current: RunInfo, **options: Any
) -> Comparison:
    """`compare_runs` of one."""
    return compare_runs(storage, baseline, [current], **options)[0]


def _consumed(storage: MetricsStorage, run: RunInfo) -> Consumed:
    return Consumed(storage.score_table(run.run_id), storage.usage_table(run.run_id))


def _compared(
    left: Consumed,
    baseline: RunInfo,
    right: Consumed,
    current: RunInfo,
    level: "_Level",
    allowed: tuple[str, ...],
    names: Callable[[Sequence[int]], Mapping[int, str]],
) -> Comparison:
    """Two runs with nothing adjusted yet."""
    paired = pair(left.table, right.table, lone=_should_be_whole(baseline, current))
    if not paired.keys:
        raise IncomparableError(
            f"runs {baseline.run_id} and {current.run_id} have no sample in common"
        )
    metrics = _metrics(baseline, paired)
    everything = np.arange(len(paired.keys))
    return Comparison(
        baseline,
        current,
        level.alpha,
        level.margin,
        allowed,
        recipe_differences(baseline.recipe, current.recipe),
        paired.n_shared,
        paired.only_baseline,
        paired.only_current,
        {m.name: level.test(paired, m, everything) for m in metrics},
        {
            label: {m.name: level.test(paired, m, rows) for m in metrics}
            for label, rows in paired.rows_by_label.items()
        },
        find_changes(paired, left.table, right.table, metrics[0], names),
        compare_usage(paired, left, right, level.alpha),
    )


def _should_be_whole(baseline: RunInfo, current: RunInfo) -> bool:
    """Whether a sample that one run lacks is missing, and not merely in another dataset."""
    unfinished = any(run.n_done < run.n_total for run in (baseline, current))
    return unfinished or baseline.recipe.get("dataset_hash") == current.recipe.get("dataset_hash")


def _metrics(baseline: RunInfo, paired: Paired) -> list[Metric]:
    defined = {m["name"]: Metric(**m) for m in baseline.recipe["metrics"]}
    if not paired.metrics:
        raise IncomparableError("the runs have no metric in common")
    return [defined[name] for name in paired.metrics]


@dataclass(frozen=True, slots=True)
class _Level:
    """How a difference is tested."""

    alpha: float
    margin: float
    seed: int

    def test(self, paired: Paired, metric: Metric, rows: Rows) -> MetricComparison:
        """One metric over the given pairs; the p value is not adjusted yet."""
        column = paired.metrics.index(metric.name)
        baseline, current = paired.baseline[rows, column], paired.current[rows, column]
        clusters = None if paired.clusters is None else paired.clusters[rows]
        known = np.isfinite(baseline) & np.isfinite(current)
        left, right = baseline[known], current[known]
        kept = None if clusters is None else clusters[known]
        result = self.compare(metric, left, right, kept)
        verdict: Verdict = result.verdict
        if verdict in ("improved", "unchanged") and not known.all():
            before = np.where(known, baseline, metric.best)
            least = self.compare(metric, before, np.where(known, current, metric.worst), clusters)
            verdict = verdict if least.verdict == verdict else "inconclusive"
        ci95 = result if self.alpha == 0.05 else self.compare(metric, left, right, kept, alpha=0.05)
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

    def compare(
        self,
        metric: Metric,
        baseline: Floats,
        current: Floats,
        clusters: Rows | None,
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


def _adjusted(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with p values and verdicts that hold for all of them at once."""
    whole = {(n, "", m): c for n, one in enumerate(comparisons) for m, c in one.metrics.items()}
    parts = {
        (n, label, m): c
        for n, one in enumerate(comparisons)
        for label, metrics in one.slices.items()
        for m, c in metrics.items()
    }
    alpha = comparisons[0].alpha
    # A family of few metrics is Holm's; in one of many slices, small ones are no rivals.
    held = {
        **_family(whole, alpha, [c.test.p_value for c in whole.values()], [0.0] * len(whole)),
        **_family(
            parts,
            alpha,
            [exact_p(c.test) for c in parts.values()],
            [least_p(c.test) for c in parts.values()],
        ),
    }
    return [
        replace(
            one,
            metrics={m: held[n, "", m] for m in one.metrics},
            slices={
                label: {m: held[n, label, m] for m in metrics}
                for label, metrics in one.slices.items()
            },
        )
        for n, one in enumerate(comparisons)
    ]


_Place = tuple[int, str, str]


def _family(
    tests: Mapping[_Place, MetricComparison],
    alpha: float,
    p_values: Sequence[float],
    least: Sequence[float],
) -> dict[_Place, MetricComparison]:
    adjusted = adjust(p_values, least)
    return {
        place: _held(test, p, alpha)
        for (place, test), p in zip(tests.items(), adjusted, strict=True)
    }


def _held(test: MetricComparison, p_adjusted: float, alpha: float) -> MetricComparison:
    """A difference that does not survive the family is inconclusive."""
    raw, verdict = test.test, test.verdict
    if verdict in ("regressed", "improved") and p_adjusted > alpha:
        verdict = "inconclusive"
    # What the level of the family asks of one test, in terms of what the plain level asked.
    times = p_adjusted / raw.p_value if raw.p_value else 1.0
    farther = _quantiles(alpha / times) / _quantiles(alpha)
    needed = raw.required_n
    if needed is not None:
        needed = max(ceil(needed * farther**2), raw.n + 1)
    return replace(
        test,
        p_adjusted=p_adjusted,
        verdict=verdict,
        mde=None if raw.mde is None else raw.mde * farther,
        required_n=needed if verdict == "inconclusive" else None,
    )


def _quantiles(alpha: float) -> float:
    """How many standard errors away a true difference is found 4 times in 5."""
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(0.8)


def verdict_counts(metrics: Metrics) -> Counter[Verdict]:
    """How many metrics have each verdict."""
    return Counter(c.verdict for c in metrics.values())


def _judges(baseline: RunInfo, current: RunInfo) -> dict[str, Any]:
    """What each run says of its judges; nothing where neither was judged."""
    blocks = {
        who: list((run.summary or {}).get("judge", ()))
        for who, run in (("baseline", baseline), ("current", current))
    }
    return {"judge": blocks} if any(blocks.values()) else {}


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _objects(metrics: Metrics) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "baseline": _number(c.baseline),
            "current": _number(c.current),
            "delta": _number(c.test.delta),
            "ci95": [_number(c.ci95.low), _number(c.ci95.high)],
            "p_value": _number(c.test.p_value),
            "p_adjusted": _number(c.p_adjusted),
            "verdict": c.verdict,
            "method": c.test.method,
            "n": c.test.n,
            "n_discordant": c.test.n_discordant,
            "n_clusters": c.test.n_clusters,
            "n_missing": c.n_missing,
            "mde": _number(c.mde),
            "required_n": c.required_n,
        }
        for name, c in metrics.items()
    }


def _number(value: float | None) -> float | None:
    """JSON has no NaN and no infinity."""
    return value if value is not None and np.isfinite(value) else None
