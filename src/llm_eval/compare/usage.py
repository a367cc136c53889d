"""What two runs took: tokens, money and time a sample, compared over the samples that both ran.

A reply that came from the cache took no time of its own, so it has no part in the latency. Where
the price of a reply is unknown, so is the cost: it is never guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm_eval.compare.pairing import Paired
from llm_eval.metrics.score_table import ScoreTable
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
    quantities = {}
    baseline, current = usage
    for name in QUANTITIES:
        before = _by_row(baseline, paired.tables[0], name)[paired.baseline_rows]
        after = _by_row(current, paired.tables[1], name)[paired.current_rows]
        known = ~(np.isnan(before) | np.isnan(after))
        quantities[name] = Taken(
            _mean(before[known]),
            _mean(after[known]),
            compare_paired(
                before[known],
                after[known],
                alpha=alpha,
                clusters=None if paired.clusters is None else paired.clusters[known],
                higher_is_better=False,
            ),
            _total(baseline, name),
            _total(current, name),
        )
    return Usage(quantities, _latency(baseline), _latency(current))


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


def _by_row(usage: UsageTable, table: ScoreTable, name: str) -> Floats:
    """Mean over each sample's replies, at all of its rows of the table; NaN behind the last."""
    indices = table.indices
    values: Floats = getattr(usage, name)[:]
    slots = max(usage.indices.max(initial=-1), indices.max(initial=-1)) + 2
    counts = np.bincount(usage.indices, minlength=slots)
    sums = np.bincount(usage.indices, weights=values, minlength=slots)
    means = np.divide(sums, counts, out=np.full(slots, np.nan), where=counts > 0)
    found: Floats = means[np.append(indices, slots - 1)]
    return found


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
    p50, p95 = np.quantile(asked, [0.5, 0.95])
    return Latency(round(float(p50), 4), round(float(p95), 4), len(asked))


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
