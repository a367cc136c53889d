"""From stored scores to the numbers of a run, with honest denominators.

Every metric says how many samples it covers. The headline counts a sample without a score, failed
or unscored, as the metric's worst: adding an error can never raise it. The value over scored
samples alone stands beside it. The same stored rows give the same bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm_eval.metrics.consumption import Consumption
from llm_eval.metrics.score_table import Indices, ScoreTable
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.stats.intervals import Estimate, cluster_t_interval, t_interval, wilson
from llm_eval.stats.passk import pass_at_k, pass_hat_k
from llm_eval.types import Metric, RunStatus

Floats = NDArray[np.float64]
Rows = NDArray[np.intp] | slice


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric over a set of samples."""

    value: float
    """Headline: what is not scored counts as worst."""
    value_scored_only: float | None
    low: float | None
    high: float | None
    stderr: float | None
    method: str
    n: int
    """Samples in the headline: all of them."""
    n_scored: int
    n_failed: int
    n_unscored: int

    def to_dict(self) -> dict[str, Any]:
        """As in the `--json` object; of no sample there is no value."""
        return {
            "value": self.value if self.n else None,
            "value_scored_only": self.value_scored_only,
            "ci95": [self.low, self.high],
            "stderr": self.stderr,
            "method": self.method,
            "n": self.n,
            "n_scored": self.n_scored,
            "n_failed": self.n_failed,
            "n_unscored": self.n_unscored,
        }


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a run consumed."""

    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """None where the price of any reply is unknown."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The numbers of one run; `to_dict` is its `--json` object."""

    run_id: str
    status: RunStatus
    task: str
    model: str
    n_total: int
    n_scored: int
    n_failed: int
    n_unscored: int
    n_parse_failed: int
    metrics: Mapping[str, MetricSummary]
    slices: Mapping[str, Mapping[str, MetricSummary]]
    usage: Tokens
    latency_p50_s: float | None
    latency_p95_s: float | None
    wall_s: float
    cache_hits: int
    db: str
    judge: Sequence[Mapping[str, Any]] = ()
    """One block a judge: its verdicts by state, its canaries, its own usage."""
    parent: str | None = None
    """Of a rescoring, the run whose replies it scores."""

    def to_dict(self) -> dict[str, Any]:
        """The `--json` object; `judge` and `parent` only where there was one."""
        n_done = self.n_scored + self.n_failed + self.n_unscored
        judged = {"judge": list(self.judge)} if self.judge else {}
        rescored = {"parent": self.parent} if self.parent else {}
        return judged | {
            "run_id": self.run_id,
            "status": self.status,
            "task": self.task,
            "model": self.model,
            "n_total": self.n_total,
            "n_scored": self.n_scored,
            "n_failed": self.n_failed,
            "n_unscored": self.n_unscored,
            "n_parse_failed": self.n_parse_failed,
            "metrics": _objects(self.metrics),
            "slices": {label: _objects(metrics) for label, metrics in self.slices.items()},
            "usage": {
                "prompt_tokens": self.usage.prompt_tokens,
                "completion_tokens": self.usage.completion_tokens,
                "cost_usd": self.usage.cost_usd,
            },
            "latency_s": {"p50": self.latency_p50_s, "p95": self.latency_p95_s},
            "wall_s": round(self.wall_s, 3),
            "samples_per_s": round(n_done / self.wall_s, 2) if self.wall_s else None,
            "cache_hits": self.cache_hits,
            "db": self.db,
            **rescored,
        }


def collect(storage: MetricsStorage, run_id: str, *, wall_s: float = 0.0) -> RunSummary:
    """Aggregate what is stored of a run.

    Args:
        storage: holds the run.
        run_id: the run.
        wall_s: how long it took; added to what an interrupted part of it took before.
    """
    info = storage.get_run(run_id)
    consumed = storage.consumption(run_id)
    p50, p95 = (_quantile(consumed.latencies_s, level) for level in (0.5, 0.95))
    usage, cache_hits = _tokens(consumed), consumed.cache_hits
    del consumed  # of a million replies the latencies take 8 MB, while the scores are read
    counts = storage.count_statuses(run_id)
    table = storage.score_table(run_id, keys=False)
    metrics, slices = summarise(table, [Metric(**m) for m in info.recipe.get("metrics", ())])
    earlier = (info.summary or {}).get("wall_s", 0.0)
    return RunSummary(
        run_id=info.run_id,
        status=info.status,
        task=info.task,
        model=info.model,
        n_total=info.n_total,
        n_scored=counts.scored,
        n_failed=counts.failed,
        n_unscored=counts.unscored,
        n_parse_failed=counts.parse_failed,
        metrics=metrics,
        slices=slices,
        usage=usage,
        latency_p50_s=p50,
        latency_p95_s=p95,
        wall_s=earlier + wall_s,
        cache_hits=cache_hits,
        db=storage.url,
        parent=info.recipe.get("parent"),
    )


Summaries = dict[str, MetricSummary]


def summarise(
    table: ScoreTable, metrics: Sequence[Metric]
) -> tuple[Summaries, dict[str, Summaries]]:
    """Every metric over all rows and within each slice; the scores of one at a time.

    With epochs, pass@k and its kin are beside each rate.
    """
    everything = slice(None)  # a view: of a million rows each copy takes 8 MB
    whole: Summaries = {}
    slices: dict[str, Summaries] = {label: {} for label in table.rows_by_label}
    for metric in metrics:
        scores = table.scores(metric.name)
        whole.update(_summaries(metric, table, everything, scores))
        for label, rows in table.rows_by_label.items():
            slices[label].update(_summaries(metric, table, rows, scores[rows]))
    return whole, slices


def _summaries(metric: Metric, table: ScoreTable, rows: Rows, values: Floats) -> Summaries:
    found = {metric.name: _summary(metric, table, rows, values, table.failed[rows])}
    epochs = _epochs(table.indices[rows])
    if epochs > 1 and metric.kind == "rate":
        counted = np.where(np.isnan(values), metric.worst, values)
        found.update(_reduced(metric, counted, table.indices[rows], epochs))
    return found


def _summary(
    metric: Metric,
    table: ScoreTable,
    rows: Rows,
    values: Floats,
    failed: NDArray[np.bool_],
) -> MetricSummary:
    scored = ~np.isnan(values)
    headline = np.where(scored, values, metric.worst)
    estimate = _estimate(metric, table, rows, headline)
    return MetricSummary(
        value=_round(estimate.value) if len(values) else metric.worst,
        value_scored_only=_round(values.mean(where=scored)) if scored.any() else None,
        low=_within(estimate.low, estimate.value, metric),
        high=_within(estimate.high, estimate.value, metric),
        stderr=_finite(estimate.stderr),
        method=estimate.method,
        n=len(values),
        n_scored=int(scored.sum()),
        n_failed=int(failed.sum()),
        n_unscored=int((~scored & ~failed).sum()),
    )


def _estimate(metric: Metric, table: ScoreTable, rows: Rows, values: Floats) -> Estimate:
    """Value and interval: clustered where samples repeat or name a cluster, else by kind."""
    reach = abs(metric.best - metric.worst)
    if (clusters := table.cluster_numbers(rows)) is not None:
        return cluster_t_interval(values, clusters, reach=reach)
    if _epochs(table.indices[rows]) > 1:
        return cluster_t_interval(values, table.indices[rows], reach=reach)
    if metric.kind == "rate" and len(values):
        interval = wilson(float(values.sum()), len(values))
        spread = float(values.std() / np.sqrt(len(values)))
        return Estimate(float(values.mean()), spread, *interval, "wilson")
    return t_interval(values, reach=reach)


def _reduced(
    metric: Metric, values: Floats, indices: Indices, epochs: int
) -> Iterator[tuple[str, MetricSummary]]:
    """pass@k, pass^k (Chen et al. 2021; Yao et al. 2024) and the majority of the epochs."""
    starts = np.unique(indices, return_index=True)[1]
    tried = np.diff(np.append(starts, len(indices)))
    right = np.add.reduceat(values == metric.best, starts)
    k = epochs
    of_k = [
        (
            f"{metric.name}_pass@{k}",
            [pass_at_k(int(n), int(c), min(k, int(n))) for n, c in zip(tried, right, strict=True)],
        ),
        (
            f"{metric.name}_pass^{k}",
            [pass_hat_k(int(n), int(c), min(k, int(n))) for n, c in zip(tried, right, strict=True)],
        ),
        (f"{metric.name}_majority", list(map(float, 2 * right > tried))),
    ]
    for name, per_sample in of_k:
        estimate = t_interval(per_sample, reach=abs(metric.best - metric.worst))
        yield (
            name,
            MetricSummary(
                _round(estimate.value),
                _round(estimate.value),
                _within(estimate.low, estimate.value, metric),
                _within(estimate.high, estimate.value, metric),
                _finite(estimate.stderr),
                estimate.method,
                len(per_sample),
                len(per_sample),
                0,
                0,
            ),
        )


def _tokens(consumed: Consumption) -> Tokens:
    cost = consumed.cost_usd
    return Tokens(
        consumed.prompt_tokens,
        consumed.completion_tokens,
        None if cost is None else round(cost, 8),
    )


def _epochs(indices: Indices) -> int:
    """The most results that one sample has; those of one sample stand together."""
    if not (indices[1:] == indices[:-1]).any():
        return 1
    return int(np.unique(indices, return_counts=True)[1].max())


def _quantile(values: Floats, level: float) -> float | None:
    if not len(values):
        return None
    return round(float(np.quantile(values, level, overwrite_input=True)), 4)


def _round(value: float) -> float:
    """Ten digits: more than any sample supports, fewer than float noise."""
    return round(float(value), 10)


def _within(end: float, value: float, metric: Metric) -> float | None:
    """An end of an interval, cut to the metric's range: a mean cannot lie beyond it.

    Where the value itself lies beyond, the declared range is none.
    """
    low, high = sorted((metric.worst, metric.best))
    if np.isfinite(end) and low <= value <= high:
        return _finite(min(max(end, low), high))
    return _finite(end)


def _finite(value: float) -> float | None:
    """JSON has no NaN: one sample has no spread."""
    return _round(value) if np.isfinite(value) else None


def _objects(metrics: Mapping[str, MetricSummary]) -> dict[str, Any]:
    return {name: metric.to_dict() for name, metric in metrics.items()}
