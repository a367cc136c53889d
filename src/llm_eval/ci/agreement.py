"""Whether the judge behind a metric agrees with people, and is still the judge that they checked.

    {"version": 1, "metric": "correct", "judge": {…}, "labelled_at": "2026-01-31",
     "labels": [{"sample": "9f…", "human": 1, "judge": 1}, …]}

`judge` is the scorer's entry in the run's recipe, to the letter: another model, prompt or version
is another judge, and the labels say nothing about it. Without a file, what `llm-eval judge
calibrate` found about the very judge of the run is taken from the database.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from llm_eval.ci.finding import Finding
from llm_eval.ci.rules import Agreement, Coefficient
from llm_eval.ci.scope import Scope
from llm_eval.errors import ConfigError
from llm_eval.fingerprint import digest
from llm_eval.scorers.judge_words import block_of
from llm_eval.stats.agreement import agreement_interval, cohen_kappa, gwet_ac1
from llm_eval.stats.intervals import Interval, wilson

LEAST_LABELS = 50
"""Fewer say little whatever they are: Fleiss' standard error of κ needs some fifty."""


@dataclass(frozen=True, slots=True)
class Label:
    """One reply, graded by a person and by the judge."""

    human: float
    judge: float
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The labels that a judge was checked with."""

    metric: str
    judge: Mapping[str, Any]
    labelled_at: datetime
    labels: Sequence[Label]
    version: int = 1


def agreement(
    scope: Scope, rule: Agreement, metric: str, file: Path | None, stored: Calibration | None
) -> Finding:
    """The judge of `metric` must agree with people at least so far.

    Args:
        scope: the run.
        rule: the coefficient and its limit.
        metric: what the judge graded.
        file: the labels; None: take `stored`.
        stored: what the database has about the judge of this run.

    Raises:
        MissingEvidenceError: the run has no such metric.
        ErroredSamplesError: samples of the run have no score.
        ConfigError: the calibration cannot be read.
    """
    scope.refuse_errors()
    scope.metric(metric)
    calibration = stored if file is None else read_calibration(file)
    if calibration is None:
        remedy = f"llm-eval judge calibrate {scope.current.info.run_id}"
        reason = f"the judge is not calibrated, or changed since; calibrate it: {remedy}"
        return Finding("fail", None, rule.min, reason)
    recipe = None if file is None else scope.current.info.recipe
    if why := _stale(calibration, metric, recipe) or _old(calibration, rule.max_age_days):
        return Finding("fail", None, rule.min, f"the judge is not calibrated: {why}")
    value, interval = _coefficient(calibration.labels, rule.coefficient, scope.alpha)
    n = len(calibration.labels)
    shown = (
        f"{rule.coefficient} of the judge with people is {value:.3g} "
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


def read_calibration(file: Path) -> Calibration:
    """The labels in `file`.

    Raises:
        ConfigError: it cannot be read; names the field that is wrong.
    """
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Calibration)
    except FileNotFoundError as exc:
        raise ConfigError(f"{file}: no such file; it holds the labels of the judge") from exc
    except OSError as exc:
        raise ConfigError(f"{file} cannot be read: {exc.strerror}") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{file}: no calibration of a judge: {exc}") from exc
    if found.version != 1:
        raise ConfigError(f"{file}: version {found.version} is newer than this llm-eval reads")
    return found


def from_confusion(
    report: Mapping[str, Any], metric: str, judge: Mapping[str, Any], created_at: str
) -> Calibration:
    """What `llm-eval judge calibrate` counted, as labels: who passed how many replies."""
    counts = report["pass"]["confusion"]
    labels = [
        *[Label(1, 1)] * counts["both"],
        *[Label(1, 0)] * counts["only_people"],
        *[Label(0, 1)] * counts["only_judge"],
        *[Label(0, 0)] * counts["neither"],
    ]
    return Calibration(metric, judge, datetime.fromisoformat(created_at), labels)


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


def _old(calibration: Calibration, max_age_days: float | None) -> str | None:
    labelled_at = calibration.labelled_at
    if labelled_at.tzinfo is None:
        labelled_at = labelled_at.replace(tzinfo=UTC)
    age_days = (datetime.now(UTC) - labelled_at).total_seconds() / 86400
    if max_age_days is not None and age_days > max_age_days:
        return f"its labels are {age_days:.0f} days old, and at most {max_age_days:g} are allowed"
    return None


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


def write_calibration(file: Path, calibration: Calibration) -> None:
    """Write the labels so that `read_calibration` reads them: one a line, for a review."""
    head = msgspec.to_builtins(calibration)
    labels = head.pop("labels")
    lines = ",\n".join(json.dumps(label, sort_keys=True) for label in labels)
    text = json.dumps(head, sort_keys=True, indent=1).removesuffix("\n}")
    file.write_text(f'{text},\n "labels": [\n{lines}\n]}}\n', encoding="utf-8")
