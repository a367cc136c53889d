"""Is the change worse? Paired statistics for every metric, whole and by slice.

A sample that either run could not score leaves the test, but never the verdict: the test is made
twice, without such samples and with the worst that they could have been for the change (current:
worst, baseline: best). `improved` and `unchanged` must hold in both; otherwise nobody knows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm_eval.compare.comparability import check_comparable
from llm_eval.compare.pairing import Paired, pair
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.stats.multiplicity import holm
from llm_eval.stats.paired import PairedComparison, Verdict, compare_paired
from llm_eval.types import Metric, RunInfo

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric of two runs, over the samples that both scored."""

    metric: Metric
    baseline: float
    current: float
    test: PairedComparison
    p_adjusted: float
    """Holm over the metrics, or over the slices of one metric."""
    verdict: Verdict
    n_excluded: int = 0
    """Pairs that one of the runs could not score."""


@dataclass(frozen=True, slots=True)
class ChangedSample:
    """A sample that crossed the line between best and not best on the first metric."""

    key: str
    baseline: float
    current: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, compared."""

    baseline: RunInfo
    current: RunInfo
    differences: tuple[str, ...]
    """Recipe fields in which the runs differ, other than the model's doing."""
    n_paired: int
    only_baseline: tuple[str, ...]
    only_current: tuple[str, ...]
    metrics: Mapping[str, MetricComparison]
    slices: Mapping[str, Mapping[str, MetricComparison]]
    newly_failing: tuple[ChangedSample, ...]
    newly_passing: tuple[ChangedSample, ...]

    @property
    def regressed(self) -> bool:
        """Whether any metric regressed, over all samples or within a slice."""
        tested = [self.metrics, *self.slices.values()]
        return any(c.verdict == "regressed" for group in tested for c in group.values())

    def to_dict(self) -> dict[str, Any]:
        """The `--json` object."""
        return {
            "baseline": self.baseline.run_id,
            "current": self.current.run_id,
            "comparable": True,
            "differences": self.differences,
            "n_paired": self.n_paired,
            "n_only_baseline": len(self.only_baseline),
            "n_only_current": len(self.only_current),
            "metrics": _objects(self.metrics),
            "slices": {name: _objects(metrics) for name, metrics in self.slices.items()},
            "newly_failing": [sample.key for sample in self.newly_failing],
            "newly_passing": [sample.key for sample in self.newly_passing],
        }


def compare(
    storage: MetricsStorage,
    baseline: RunInfo,
    current: RunInfo,
    *,
    alpha: float = 0.05,
    margin: float = 0.02,
    allow: Sequence[str] = (),
    seed: int = 0,
) -> Comparison:
    """Compare `current` with `baseline`, sample by sample.

    Args:
        storage: holds both runs.
        baseline: what the change is measured against.
        current: the change.
        alpha: two-sided error rate, held over the family of metrics and over each metric's slices.
        margin: the largest drop that nobody minds, in the metric's units.
        allow: recipe fields that may differ.
        seed: for tests that draw random signs.

    Raises:
        IncomparableError: the recipes differ in a field that is not allowed to.
    """
    differences = check_comparable(baseline.recipe, current.recipe, allow)
    paired = pair(storage.score_table(baseline.run_id), storage.score_table(current.run_id))
    tester = _Tester(paired, _metrics(current), alpha, margin, seed)
    everything = np.arange(len(paired.keys))
    failing, passing = _changed(paired, tester.metrics)
    return Comparison(
        baseline,
        current,
        differences,
        len(paired.keys),
        paired.only_baseline,
        paired.only_current,
        tester.adjusted({m: tester.test(m, everything) for m in tester.metrics}),
        tester.by_label(),
        failing,
        passing,
    )


def _metrics(run: RunInfo) -> dict[str, Metric]:
    return {m["name"]: Metric(**m) for m in run.recipe["metrics"]}


@dataclass(frozen=True, slots=True)
class _Tester:
    paired: Paired
    defined: Mapping[str, Metric]
    alpha: float
    margin: float
    seed: int

    @property
    def metrics(self) -> list[Metric]:
        return [self.defined[name] for name in self.paired.metrics]

    def test(self, metric: Metric, rows: NDArray[np.intp]) -> MetricComparison:
        """One metric over the given pairs; the p value is not adjusted yet."""
        column = self.paired.metrics.index(metric.name)
        baseline, current = self.paired.baseline[rows, column], self.paired.current[rows, column]
        clusters = [self.paired.clusters[row] for row in rows]
        known = ~(np.isnan(baseline) | np.isnan(current))
        result = self._compare(metric, baseline[known], current[known], _where(clusters, known))
        verdict: Verdict = result.verdict
        if not known.all() and verdict in ("improved", "unchanged"):
            least = self._compare(
                metric,
                np.where(known, baseline, metric.best),
                np.where(known, current, metric.worst),
                clusters,
            )
            verdict = verdict if least.verdict == verdict else "inconclusive"
        return MetricComparison(
            metric,
            _mean(baseline[known]),
            _mean(current[known]),
            result,
            result.p_value,
            verdict,
            int((~known).sum()),
        )

    def by_label(self) -> dict[str, dict[str, MetricComparison]]:
        """Every metric in every slice; each metric's p values adjusted over its slices."""
        labels = self.paired.rows_by_label
        table: dict[str, dict[str, MetricComparison]] = {label: {} for label in labels}
        for metric in self.metrics:
            tests = {label: self.test(metric, rows) for label, rows in labels.items()}
            for label, compared in _adjust(tests, self.alpha).items():
                table[label][metric.name] = compared
        return table

    def adjusted(self, tests: Mapping[Metric, MetricComparison]) -> dict[str, MetricComparison]:
        """The family of metrics, adjusted."""
        return _adjust({metric.name: test for metric, test in tests.items()}, self.alpha)

    def _compare(
        self, metric: Metric, baseline: Floats, current: Floats, clusters: Sequence[str | None]
    ) -> PairedComparison:
        named = any(cluster is not None for cluster in clusters)
        return compare_paired(
            baseline,
            current,
            alpha=self.alpha,
            margin=self.margin,
            clusters=[c if c is not None else f"#{n}" for n, c in enumerate(clusters)]
            if named
            else None,
            higher_is_better=metric.higher_is_better,
            seed=self.seed,
        )


def _adjust(tests: Mapping[str, MetricComparison], alpha: float) -> dict[str, MetricComparison]:
    """Holm over the family; a difference that does not survive it is inconclusive."""
    if not tests:
        return {}
    adjusted = holm(np.array([test.p_adjusted for test in tests.values()]))
    return {
        name: replace(test, p_adjusted=float(p), verdict=_kept(test.verdict, float(p), alpha))
        for (name, test), p in zip(tests.items(), adjusted, strict=True)
    }


def _kept(verdict: Verdict, p_adjusted: float, alpha: float) -> Verdict:
    if verdict in ("regressed", "improved") and p_adjusted > alpha:
        return "inconclusive"
    return verdict


def _changed(
    paired: Paired, metrics: Sequence[Metric]
) -> tuple[tuple[ChangedSample, ...], tuple[ChangedSample, ...]]:
    """Newly failing and newly passing samples on the first metric."""
    if not metrics:
        return (), ()
    best = metrics[0].best
    before, after = paired.baseline[:, 0], paired.current[:, 0]
    known = ~(np.isnan(before) | np.isnan(after))

    def samples(rows: NDArray[np.intp]) -> Iterator[ChangedSample]:
        for row in rows:
            yield ChangedSample(paired.keys[row], float(before[row]), float(after[row]))

    failing = np.flatnonzero(known & (before == best) & (after != best))
    passing = np.flatnonzero(known & (before != best) & (after == best))
    return tuple(samples(failing)), tuple(samples(passing))


def _where(values: Sequence[str | None], mask: NDArray[np.bool_]) -> list[str | None]:
    return [value for value, kept in zip(values, mask, strict=True) if kept]


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _objects(metrics: Mapping[str, MetricComparison]) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "baseline": _number(c.baseline),
            "current": _number(c.current),
            "delta": _number(c.test.delta),
            "ci95": [_number(c.test.ci_low), _number(c.test.ci_high)],
            "p_value": _number(c.test.p_value),
            "p_adjusted": _number(c.p_adjusted),
            "verdict": c.verdict,
            "method": c.test.method,
            "n": c.test.n,
            "n_discordant": c.test.n_discordant,
            "n_excluded": c.n_excluded,
            "mde": _number(c.test.mde),
            "required_n": c.test.required_n,
        }
        for name, c in metrics.items()
    }


def _number(value: float | None) -> float | None:
    """JSON has no NaN and no infinity."""
    return value if value is not None and np.isfinite(value) else None
