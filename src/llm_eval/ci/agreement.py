"""Whether the judge behind a metric agrees with people, and is still the judge that they checked.

The labels are in a file; without one, what `llm-eval judge calibrate` found about the very judge of
the run is taken from the database.

Raters who checked the judge apart are not averaged, and the best is not picked: the weakest of
their calibrations decides, unless one by all of them is there, or the rule names whom it trusts.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

from llm_eval.ci.calibration import Calibration, Label, read_calibration
from llm_eval.ci.finding import Finding
from llm_eval.ci.rules import Agreement, Coefficient
from llm_eval.ci.scope import Scope
from llm_eval.fingerprint import digest
from llm_eval.review.calibrated import relied_on
from llm_eval.scorers.judge_words import block_of
from llm_eval.stats.agreement import agreement_interval, cohen_kappa, gwet_ac1
from llm_eval.stats.intervals import Interval, wilson

LEAST_LABELS = 50
"""Fewer say little whatever they are: Fleiss' standard error of κ needs some fifty."""
_SHOWN = 5
"""Raters that a reason names."""


def agreement(
    scope: Scope, rule: Agreement, metric: str, file: Path | None, stored: Sequence[Calibration]
) -> Finding:
    """The judge of `metric` must agree with people at least so far.

    Args:
        scope: the run.
        rule: the coefficient and its limit.
        metric: what the judge graded.
        file: the labels; None: take `stored`.
        stored: what the database has about the judge of this run, of each set of raters.

    Raises:
        MissingEvidenceError: the run has no such metric.
        ErroredSamplesError: samples of the run have no score.
        ConfigError: the calibration cannot be read.
    """
    scope.refuse_errors()
    scope.metric(metric)
    found = stored if file is None else [read_calibration(file)]
    by = "" if rule.rater is None else f" --rater {shlex.quote(rule.rater)}"
    remedy = f"calibrate it: llm-eval judge calibrate {scope.current.info.run_id}{by}"
    if not found:
        reason = f"the judge is not calibrated, or changed since; {remedy}"
        return Finding("fail", None, rule.min, reason)
    recipe = None if file is None else scope.current.info.recipe
    doubts = [_stale(one, metric, recipe) or _unwanted(one, rule) for one in found]
    if all(doubts):
        why = "; ".join(dict.fromkeys(doubt for doubt in doubts if doubt))
        why += f"; {remedy}" if file is None else ""
        return Finding("fail", None, rule.min, f"the judge is not calibrated: {why}")
    counting = relied_on([one for one, doubt in zip(found, doubts, strict=True) if not doubt])
    return _weakest([_tested(scope, rule, metric, one) for one in counting])


def _tested(scope: Scope, rule: Agreement, metric: str, calibration: Calibration) -> Finding:
    """What one calibration says of the judge."""
    value, interval = _coefficient(calibration.labels, rule.coefficient, scope.alpha)
    n = len(calibration.labels)
    shown = (
        f"{rule.coefficient} of the judge with people{_named(calibration)} is {value:.3g} "
        f"[{interval.low:.3g}, {interval.high:.3g}], n = {n}; "
        f"its lower bound must reach {rule.min:g}{_alarm(scope, metric)}"
    )
    if isnan(value) or n < LEAST_LABELS:
        reason = f"{shown}; fewer than {LEAST_LABELS} labels, or none that could disagree"
        observed = None if isnan(value) else value
        needed = LEAST_LABELS if n < LEAST_LABELS else None
        return Finding("inconclusive", observed, rule.min, reason, required_n=needed)
    if interval.low >= rule.min:
        return Finding("pass", value, rule.min, f"{shown}, and does")
    if interval.high < rule.min:
        return Finding("fail", value, rule.min, f"{shown}; the whole interval lies below")
    needed = _required(value, interval, rule.min, n)
    words = f"about {needed:,} labels would decide it" if needed else "it is the limit"
    return Finding("inconclusive", value, rule.min, f"{shown}; {words}", required_n=needed)


def _weakest(findings: Sequence[Finding]) -> Finding:
    """The finding that decides: one that fails, else one that is open, else the lowest value."""
    order = ("fail", "inconclusive", "pass")
    first = min(
        findings, key=lambda f: (order.index(f.status), -1 if f.observed is None else f.observed)
    )
    others = [f.reason for f in findings if f is not first]
    if not others:
        return first
    reason = f"{first.reason}; the weakest of {len(findings)} calibrations, beside: "
    return replace(first, reason=reason + "; ".join(others))


def _stale(calibration: Calibration, metric: str, recipe: Mapping[str, Any] | None) -> str | None:
    """Why the labels are not of the run's judge; `recipe` is None where that is known."""
    if recipe is None:
        return None
    if calibration.metric != metric:
        return f"its labels are of {calibration.metric!r}"
    judges = [*recipe.get("scorers", ()), recipe.get("judge")]
    if digest(calibration.judge) not in [digest(judge) for judge in judges if judge]:
        return "the run was graded by another judge, or by another version of it; label anew"
    return None


def _unwanted(calibration: Calibration, rule: Agreement) -> str | None:
    """Why the labels do not count for this rule: they are another's, or too old."""
    raters = calibration.raters
    if rule.rater is not None and tuple(raters) != (rule.rater,):
        said = f"by {_listed(raters)}" if raters else "by nobody that they name"
        return f"its labels are {said}, and the rule asks for those of {rule.rater!r} alone"
    return _old(calibration, rule.max_age_days)


def _old(calibration: Calibration, max_age_days: float | None) -> str | None:
    labelled_at = calibration.labelled_at
    if labelled_at.tzinfo is None:
        labelled_at = labelled_at.replace(tzinfo=UTC)
    age_days = (datetime.now(UTC) - labelled_at).total_seconds() / 86400
    if max_age_days is not None and age_days > max_age_days:
        return (
            f"its labels{_named(calibration)} are {age_days:.0f} days old, "
            f"and at most {max_age_days:g} are allowed"
        )
    return None


def _named(calibration: Calibration) -> str:
    """` (ann, bob)`, or nothing where nobody knows."""
    return f" ({_listed(calibration.raters)})" if calibration.raters else ""


def _listed(raters: Sequence[str]) -> str:
    more = f" and {len(raters) - _SHOWN} more" if len(raters) > _SHOWN else ""
    return ", ".join(raters[:_SHOWN]) + more


def _alarm(scope: Scope, metric: str) -> str:
    """What the judge let pass in this run that no judge may."""
    block = block_of(scope.current.info.summary, metric)
    fooled = ((block or {}).get("canaries") or {}).get("passed")
    return f"; in this run it passed canaries: {', '.join(fooled)}" if fooled else ""


def _coefficient(
    labels: Sequence[Label], coefficient: Coefficient, alpha: float
) -> tuple[float, Interval]:
    if not labels:
        return float("nan"), Interval(float("nan"), float("nan"))
    human = [label.human for label in labels]
    judge = [label.judge for label in labels]
    n, same = len(labels), sum(h == j for h, j in zip(human, judge, strict=True))
    accuracy = wilson(same, n, alpha)
    if coefficient == "accuracy":
        return same / n, accuracy
    if coefficient == "kappa":
        kappa = cohen_kappa(human, judge, alpha=alpha)
        value, interval = kappa.value, Interval(kappa.low, kappa.high)
    else:
        table = np.array([human, judge], dtype=np.float64).T
        value = gwet_ac1(table)
        rng = np.random.default_rng(0)
        interval = agreement_interval(table, gwet_ac1, rng=rng, alpha=alpha)
    # Where all agree there is no spread; what Wilson leaves open is chance all the same.
    if same == n:
        interval = Interval(min(interval.low, 1 - 2 * (1 - accuracy.low)), interval.high)
    return value, interval


def _required(value: float, interval: Interval, limit: float, n: int) -> int | None:
    distance = abs(value - limit)
    if not distance > 0:
        return None
    half = (interval.high - interval.low) / 2
    return max(n + 1, int(np.ceil(n * (half / distance) ** 2)))
