"""What two runs took: tokens, money and time a sample, compared over the samples that both ran.

A reply that came from the cache took no time of its own, so it has no part in the latency. Where
the price of a reply is unknown, so is the cost: it is never guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm_eval.compare.pairing import Paired, Side
from llm_eval.metrics.score_table import Indices
from llm_eval.metrics.usage_table import UsageTable
from llm_eval.stats.paired import PairedComparison, compare_paired

Floats = NDArray[np.float64]

QUANTITIES = ("prompt_tokens", "completion_tokens", "cost_usd", "latency_s")


@dataclass(frozen=True, slots=True)
class Taken:
    """One quantity of two runs, a sample."""

    baseline: float
    """Mean over the samples that both runs know it of."""
    current: float
    test: PairedComparison
    baseline_total: float | None
    """Over the whole run; None where any reply's value is unknown."""
    current_total: float | None

    @property
    def change(self) -> float | None:
        """Of the baseline's mean: .2 is a fifth more; None where that is nothing."""
        return self.test.delta / self.baseline if self.test.n and self.baseline else None


@dataclass(frozen=True, slots=True)
class Latency:
    """How long one run's replies took, in seconds; None where all came from the cache."""

    p50: float | None
    p95: float | None
    n: int
    """Replies that were really asked for."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What both runs took."""

    quantities: Mapping[str, Taken]
    baseline_latency: Latency
    current_latency: Latency


def compare_usage(paired: Paired, usage: tuple[UsageTable, UsageTable], alpha: float) -> Usage:
    """Every quantity of two runs, a sample and in sum.

    Args:
        paired: the runs' samples side by side.
        usage: of the baseline and of the current run.
        alpha: two-sided error rate of each test.
    """
    quantities = {name: _taken(paired, usage, name, alpha) for name in QUANTITIES}
    return Usage(quantities, *map(_latency, usage))


def usage_objects(usage: Usage) -> dict[str, dict[str, Any]]:
    """`usage` and `latency_s` of the `--json` object."""
    return {
        "usage": {name: _object(taken) for name, taken in usage.quantities.items()},
        "latency_s": {
            "baseline": {"p50": usage.baseline_latency.p50, "p95": usage.baseline_latency.p95},
            "current": {"p50": usage.current_latency.p50, "p95": usage.current_latency.p95},
        },
    }


def _object(taken: Taken) -> dict[str, Any]:
    numbers = {
        "baseline": taken.baseline,
        "current": taken.current,
        "delta": taken.test.delta,
        "ci_low": taken.test.ci_low,
        "ci_high": taken.test.ci_high,
        "p_value": taken.test.p_value,
        "change": taken.change,
        "baseline_total": taken.baseline_total,
        "current_total": taken.current_total,
    }
    finite = {k: v if v is not None and np.isfinite(v) else None for k, v in numbers.items()}
    interval = [finite.pop("ci_low"), finite.pop("ci_high")]
    return {**finite, "ci": interval, "n": taken.test.n}


def _taken(paired: Paired, usage: tuple[UsageTable, UsageTable], name: str, alpha: float) -> Taken:
    """One quantity over the samples that both runs know it of."""
    sides = (paired.baseline, paired.current)
    before, after = (_by_pair(own, side, name) for own, side in zip(usage, sides, strict=True))
    clusters = paired.clusters
    known = ~(np.isnan(before) | np.isnan(after))
    if not known.all():
        before, after = before[known], after[known]
        clusters = None if clusters is None else clusters[known]
    test = compare_paired(before, after, alpha=alpha, clusters=clusters, higher_is_better=False)
    return Taken(_mean(before), _mean(after), test, *(_total(own, name) for own in usage))


def _by_pair(usage: UsageTable, side: Side, name: str) -> Floats:
    """Mean over the replies to each pair's sample; NaN where there is none."""
    values = getattr(usage, name)[:]
    samples = side.table.sample_indices
    slots = 1 + max(usage.indices.max(initial=-1), samples.max(initial=-1))
    return side.of_samples(_by_index(usage.indices, values, slots)[samples])


def _by_index(indices: Indices, values: Floats, slots: int) -> Floats:
    """Mean of the values of each index, at that index."""
    means = np.full(slots, np.nan)
    if (indices[1:] != indices[:-1]).all():  # as nearly always; a million counts take 8 MB
        means[indices] = values
        return means
    counts = np.bincount(indices, minlength=slots)
    sums = np.bincount(indices, weights=values, minlength=slots)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def _total(usage: UsageTable, name: str) -> float | None:
    """Sum over all replies; a failed sample has none and adds nothing."""
    values: Floats = getattr(usage, name)[:]
    if name == "latency_s":
        return float(np.nansum(values))
    return None if np.isnan(values).any() else float(values.sum())


def _latency(usage: UsageTable) -> Latency:
    times = usage.latency_s[:]
    asked = times[~np.isnan(times)]
    if not len(asked):
        return Latency(None, None, 0)
    p50, p95 = np.quantile(asked, [0.5, 0.95], overwrite_input=True)
    return Latency(round(float(p50), 4), round(float(p95), 4), len(asked))


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
