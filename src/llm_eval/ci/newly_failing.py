"""Samples that passed in the baseline and fail now, told from those that do so now and then.

    before 3/3, now 0/3    newly failing, confirmed by three tries in either run
    before 1/1, now 0/1    newly failing, unconfirmed: one try cannot tell it from a coin
    before 3/3, now 1/3    unstable: its own pass probability is what the epochs measure

A sample whose every try passes with p = .5 is blamed in 4⁻ᵏ of comparisons of k tries each: 1.6 %
at three, .1 % at five.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from llm_eval.ci.evidence import Evidence
from llm_eval.ci.finding import Finding
from llm_eval.ci.rules import NewlyFailing
from llm_eval.ci.scope import Scope
from llm_eval.types import Metric

Floats = NDArray[np.float64]

_SHOWN = 5


def newly_failing(scope: Scope, rule: NewlyFailing, metric: Metric) -> Finding:
    """Count the samples that newly fail.

    Raises:
        MissingEvidenceError: the baseline has no such metric or slice.
        ErroredSamplesError: a sample has no score in one of the runs.
    """
    runs = (scope.reference, scope.current)
    before, after = (_passed(run, metric, rule.pass_at) for run in runs)
    as_rate = Metric(metric.name, "rate")
    rates = scope.pair_columns(before, after, f"have no {metric.name!r}", as_rate)
    new = (rates.before == 1) & (rates.after == 0)
    unstable = ((rates.before > 0) & (rates.before < 1)) | ((rates.after > 0) & (rates.after < 1))
    names = [scope.current.outcomes.ids[row] for row in rates.current_rows[new].tolist()]
    tries = min(int(run.table.epochs.min()) for run in runs)
    shown = f"{len(names)} of {len(new)} samples{scope.suffix} newly fail {metric.name}"
    if names:
        shown += f" ({', '.join(names[:_SHOWN])}{', …' if len(names) > _SHOWN else ''})"
    if unstable.any():
        shown += f"; {int(unstable.sum())} more are unstable: they pass now and then"
    finding = Finding("pass", len(names), rule.max, shown, samples=tuple(names))
    if len(new) <= rule.max:
        reason = f"{shown}; {rule.max} may, so nothing could break it"
        return replace(finding, status="inconclusive", reason=reason, required_n=rule.max + 1)
    if len(names) <= rule.max:
        return finding
    if tries < rule.confirm:
        reason = f"{shown}; unconfirmed: run both with --epochs {rule.confirm}"
        return replace(finding, status="inconclusive", reason=reason)
    reason = f"{shown}; each in all of {tries} tries, and at most {rule.max} may"
    return replace(finding, status="fail", reason=reason)


def _passed(run: Evidence, metric: Metric, pass_at: float | None) -> Floats:
    """1 where a try passed, 0 where not, NaN where nobody knows."""
    values = run.values(metric.name)
    if pass_at is None:
        good = values == metric.best
    else:
        good = values >= pass_at if metric.higher_is_better else values <= pass_at
    return np.where(np.isnan(values), np.nan, good)
