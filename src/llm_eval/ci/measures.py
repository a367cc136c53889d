"""What a run took besides its scores: money, tokens, time, and how often it failed.

cost_usd  prompt_tokens  completion_tokens  total_tokens     sums over the run, exact
latency_p50_s  latency_p95_s  latency_p99_s                  quantiles of the replies' times
error_rate  parse_failure_rate                               shares of the samples

A ceiling on a quantile is a ceiling on a share: p95 ≤ 2 s says that at most 5 % take longer. The
share has an interval, so the quantile needs no distribution.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from llm_eval.ci.bounds import at_most, bound
from llm_eval.ci.evidence import Evidence
from llm_eval.ci.finding import ErroredSamplesError, Finding, MissingEvidenceError
from llm_eval.ci.measure_names import QUANTILES, SHARES, TOTALS
from llm_eval.ci.scope import Scope
from llm_eval.metrics.outcomes import Outcomes
from llm_eval.types import Metric

Floats = NDArray[np.float64]

_RESAMPLES = 2000
_DRAWN_AT_ONCE = 1 << 18
"""Samples; each takes 8 bytes some four times."""


def ceiling(scope: Scope, measure: str, limit: float) -> Finding:
    """A measure held against the most that it may be.

    Raises:
        MissingEvidenceError: the run does not know the measure.
        ErroredSamplesError: replies are no answers, which cost and take less than answers.
    """
    scope.refuse_errors(but_unparsed=measure == "parse_failure_rate")
    if measure in TOTALS:
        return _total(scope, measure, limit)
    if measure in SHARES:
        return _share(scope, measure, limit)
    return _quantile(scope, measure, limit)


def increase(scope: Scope, measure: str, max_increase: float) -> Finding:
    """A measure held against the baseline's, by a bootstrap of their ratio over the samples.

    Raises:
        MissingEvidenceError: one of the runs does not know the measure.
        ErroredSamplesError: replies are no answers, which cost and take less than answers.
    """
    if measure in SHARES:
        raise MissingEvidenceError(f"{measure} cannot be held against a share of the baseline's")
    scope.refuse_errors()
    scope.refuse_errors(of_baseline=True)
    before, after = _pairs(scope, measure)
    limit = 1 + max_increase
    base = _statistic(measure, before[None])[0]
    if base <= 0:
        raise MissingEvidenceError(f"the baseline's {measure} is {base:g}: no share can be taken")
    observed = float(_statistic(measure, after[None])[0] / base)
    low, high = _ratio_interval(measure, before, after, scope.alpha)
    shown = (
        f"{measure}{scope.suffix} is {observed:.3g} times the baseline's "
        f"[{low:.3g}, {high:.3g}], n = {len(before)}; at most {limit:g} is allowed"
    )
    least = _least_n(measure)
    if len(before) < least:
        reason = f"{shown}; fewer than {least} samples say nothing about it"
        return Finding("inconclusive", observed, limit, reason, required_n=least)
    if high <= limit:
        return Finding("pass", observed, limit, shown)
    if low > limit:
        return Finding("fail", observed, limit, shown)
    distance = abs(observed - limit)
    half = (high - low) / 2
    known = distance > 0 and np.isfinite(half)
    needed = int(np.ceil(len(before) * (half / distance) ** 2)) if known else None
    words = f"about {needed:,} samples would decide it" if needed else "no number would decide it"
    return Finding("inconclusive", observed, limit, f"{shown}; {words}", required_n=needed)


def _total(scope: Scope, measure: str, limit: float) -> Finding:
    values = _known(scope.current, measure)[scope.rows]
    observed = float(values.sum())
    verdict = f"{measure}{scope.suffix} is {observed:.6g}; at most {limit:g} is allowed"
    return Finding("pass" if observed <= limit else "fail", observed, limit, verdict)


def _share(scope: Scope, measure: str, limit: float) -> Finding:
    outcomes, rows = scope.current.outcomes, scope.rows
    bad = outcomes.parse_failed if measure == "parse_failure_rate" else ~outcomes.scored
    found = bound(
        bad[rows].astype(np.float64),
        scope.units(rows),
        rate=True,
        reach=1.0,
        limit=limit,
        alpha=scope.alpha,
    )
    return at_most(found, limit, scope.alpha, f"{measure}{scope.suffix}")


def _quantile(scope: Scope, measure: str, limit: float) -> Finding:
    level, rows = QUANTILES[measure], scope.rows
    times = _known(scope.current, measure)[rows]
    asked = ~np.isnan(times)
    slow = (times[asked] > limit).astype(np.float64)
    allowed = round(1 - level, 12)
    found = bound(
        slow,
        scope.units(rows[asked]),
        rate=True,
        reach=1.0,
        limit=allowed,
        alpha=scope.alpha,
    )
    share = at_most(found, allowed, scope.alpha, f"share of replies slower than {limit:g} s")
    with np.errstate(invalid="ignore"):  # between two that never ended lies no number
        observed = float(np.nan_to_num(np.quantile(times[asked], level), nan=np.inf, posinf=np.inf))
    reason = f"{measure}{scope.suffix} is {observed:.4g} s; {share.reason}"
    return replace(share, observed=observed, limit=limit, reason=reason)


def _known(run: Evidence, measure: str) -> Floats:
    """The measure of each row; NaN for a reply from the cache, which took no time.

    Raises:
        MissingEvidenceError: a price is unknown, or every reply came from the cache.
    """
    outcomes = run.outcomes
    failed = run.table.failed
    values = _column(outcomes, measure)
    if measure in QUANTILES:
        values = np.where(failed, np.inf, values)
        if np.isnan(values).all():
            raise MissingEvidenceError("every reply came from the cache, so no time was measured")
        return values
    unknown = np.isnan(values) & ~failed
    if unknown.any():
        raise MissingEvidenceError(f"{measure} of {int(unknown.sum())} replies is unknown")
    # What a failed call took is unknown: as much as the dearest, so that failing saves nothing.
    dearest = np.nanmax(values, initial=0.0)
    return np.where(failed, dearest, values)


def _column(outcomes: Outcomes, measure: str) -> Floats:
    if measure == "total_tokens":
        return outcomes.prompt_tokens[:] + outcomes.completion_tokens[:]
    column: Floats = getattr(outcomes, "latency_s" if measure in QUANTILES else measure)[:]
    return column


def _pairs(scope: Scope, measure: str) -> tuple[Floats, Floats]:
    """The measure of each sample in both runs, where both know it."""
    runs = (scope.reference, scope.current)
    if n_failed := sum(int(run.table.failed.sum()) for run in runs):
        raise ErroredSamplesError(f"{n_failed} samples failed: what they would take is unknown")
    before, after = (_known(run, measure) for run in runs)
    metric = Metric(measure, worst=np.inf, best=0.0)
    lenient = replace(scope, count_errors=True)
    marked = lenient.pair_columns(before, after, f"have no {measure}", metric)
    known = np.isfinite(marked.after) & np.isfinite(marked.before)
    if measure == "cost_usd" or measure in QUANTILES:
        known &= marked.before > 0  # from the cache: it was paid for and waited for before
    if not known.any():
        raise MissingEvidenceError(f"no sample has {measure} in both runs")
    return marked.before[known], marked.after[known]


def _statistic(measure: str, values: Floats) -> Floats:
    """Of each row of `values`."""
    level = QUANTILES.get(measure)
    found = values.sum(axis=1) if level is None else np.quantile(values, level, axis=1)
    return np.asarray(found, dtype=np.float64)


def _ratio_interval(
    measure: str, before: Floats, after: Floats, alpha: float
) -> tuple[float, float]:
    """Percentile bootstrap over samples, in blocks that keep memory flat."""
    rng, n = np.random.default_rng(0), len(before)
    block = max(1, min(_RESAMPLES, _DRAWN_AT_ONCE // n))
    ratios: list[Floats] = []
    with np.errstate(divide="ignore", invalid="ignore"):  # where most are 0, a sum may be
        for start in range(0, _RESAMPLES, block):
            drawn = rng.integers(0, n, size=(min(block, _RESAMPLES - start), n))
            ratio = _statistic(measure, after[drawn]) / _statistic(measure, before[drawn])
            ratios.append(np.nan_to_num(ratio, nan=np.inf, posinf=np.inf))
        low, high = np.quantile(np.concatenate(ratios), [alpha / 2, 1 - alpha / 2])
    return float(low), float(high)


def _least_n(measure: str) -> int:
    """Five samples beyond the quantile; twenty for a sum."""
    level = QUANTILES.get(measure)
    return 20 if level is None else max(20, round(5 / (1 - level)))
