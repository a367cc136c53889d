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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from llm_eval.compare.changes import Changes, find_changes
from llm_eval.compare.choices import DEFAULT_ALPHA, DEFAULT_MARGIN
from llm_eval.compare.comparability import Difference, check_comparable, recipe_differences
from llm_eval.compare.families import adjust, exact_p, least_p
from llm_eval.compare.metric_comparison import Level, MetricComparison, Metrics
from llm_eval.compare.pairing import Paired, pair
from llm_eval.compare.usage import Usage, compare_usage, usage_objects
from llm_eval.errors import IncomparableError
from llm_eval.metrics.score_table import ScoreTable
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.stats.paired import Verdict
from llm_eval.types import Metric, RunInfo


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
    n_only_baseline: int
    n_only_current: int
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
            "n_only_baseline": self.n_only_baseline,
            "n_only_current": self.n_only_current,
            "metrics": {name: c.to_dict() for name, c in self.metrics.items()},
            "slices": {
                label: {name: c.to_dict() for name, c in metrics.items()}
                for label, metrics in self.slices.items()
            },
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
        IncomparableError: recipes differ in a field that is not allowed to, no sample is shared, or
            a run is named twice: with itself it would always be unchanged.
    """
    allowed = [check_comparable(baseline.recipe, run.recipe, allow) for run in currents]
    _check_distinct([baseline, *currents])
    before, level = _Scored.read(storage, baseline), Level(alpha, margin, seed)
    compared = [
        _compared(storage, before, _Scored.read(storage, run), level, fields)
        for run, fields in zip(currents, allowed, strict=True)
    ]
    return _adjusted(compared)


def compare(
    storage: MetricsStorage, baseline: RunInfo, current: RunInfo, **options: Any
) -> Comparison:
    """`compare_runs` of one."""
    return compare_runs(storage, baseline, [current], **options)[0]


def _check_distinct(runs: Sequence[RunInfo]) -> None:
    ids = [run.run_id for run in runs]
    for run_id in ids:
        if ids.count(run_id) > 1:
            raise IncomparableError(f"run {run_id} is named twice: it says nothing about a change")


@dataclass(frozen=True, slots=True)
class _Scored:
    """A run with its scores."""

    info: RunInfo
    table: ScoreTable

    @classmethod
    def read(cls, storage: MetricsStorage, info: RunInfo) -> "_Scored":
        return cls(info, storage.score_table(info.run_id))


def _compared(
    storage: MetricsStorage,
    before: _Scored,
    after: _Scored,
    level: Level,
    allowed: tuple[str, ...],
) -> Comparison:
    """Two runs with nothing adjusted yet."""
    baseline, current = before.info, after.info
    paired = pair(before.table, after.table, lone=_should_be_whole(baseline, current))
    if not len(paired):
        raise IncomparableError(
            f"runs {baseline.run_id} and {current.run_id} have no sample in common"
        )
    metrics = _metrics(baseline, paired)
    whole, slices = _tested(paired, metrics, level)
    usage = storage.usage_table(baseline.run_id), storage.usage_table(current.run_id)
    return Comparison(
        baseline,
        current,
        level.alpha,
        level.margin,
        allowed,
        recipe_differences(baseline.recipe, current.recipe),
        paired.n_shared,
        paired.n_only_baseline,
        paired.n_only_current,
        whole,
        slices,
        find_changes(paired, metrics[0], partial(storage.sample_ids, current.run_id)),
        compare_usage(paired, usage, level.alpha),
    )


def _tested(
    paired: Paired, metrics: Sequence[Metric], level: Level
) -> tuple[Metrics, Mapping[str, Metrics]]:
    """Each metric over all samples and within each slice; the scores of one at a time."""
    clusters, by_label = paired.clusters, paired.rows_by_label
    whole: dict[str, MetricComparison] = {}
    slices: dict[str, dict[str, MetricComparison]] = {label: {} for label in by_label}
    for metric in metrics:
        before, after = paired.scores(metric.name)
        whole[metric.name] = level.test(metric, before, after, clusters)
        for label, rows in by_label.items():
            own = None if clusters is None else clusters[rows]
            slices[label][metric.name] = level.test(metric, before[rows], after[rows], own)
    return whole, slices


def _should_be_whole(baseline: RunInfo, current: RunInfo) -> bool:
    """Whether a sample that one run lacks is missing, and not merely in another dataset."""
    unfinished = any(run.n_done < run.n_total for run in (baseline, current))
    return unfinished or baseline.recipe.get("dataset_hash") == current.recipe.get("dataset_hash")


def _metrics(baseline: RunInfo, paired: Paired) -> list[Metric]:
    defined = {m["name"]: Metric(**m) for m in baseline.recipe["metrics"]}
    if not paired.metrics:
        raise IncomparableError("the runs have no metric in common")
    return [defined[name] for name in paired.metrics]


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
        place: test.held(p, alpha) for (place, test), p in zip(tests.items(), adjusted, strict=True)
    }


def _judges(baseline: RunInfo, current: RunInfo) -> dict[str, Any]:
    """What each run says of its judges; nothing where neither was judged."""
    blocks = {
        who: list((run.summary or {}).get("judge", ()))
        for who, run in (("baseline", baseline), ("current", current))
    }
    return {"judge": blocks} if any(blocks.values()) else {}
