"""The gate: every rule held against a run, and one verdict out of four.

    fail          a rule that blocks is broken
    incomplete    one could not be tested: samples failed, or the run is not whole
    inconclusive  one cannot be told from these samples
    pass          all of them hold

What is missing, errored, repeated or not a number never passes: a rule passes when it is shown to
hold, not when nothing was found against it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from llm_eval.ci import measures
from llm_eval.ci.agreement import Calibration, agreement
from llm_eval.ci.bounds import Bounded, at_least, at_most, bound
from llm_eval.ci.changes import non_inferiority, relative
from llm_eval.ci.evidence import Evidence, recipe_mismatches
from llm_eval.ci.finding import ErroredSamplesError, Finding, MissingEvidenceError, Status
from llm_eval.ci.gate_report import GateReport, RuleResult
from llm_eval.ci.measure_names import MEASURES
from llm_eval.ci.newly_failing import newly_failing
from llm_eval.ci.scope import Pairings, Scope
from llm_eval.ci.thresholds import (
    Agreement,
    Ceiling,
    Defaults,
    Floor,
    NewlyFailing,
    NonInferiority,
    Relative,
    Rule,
    Thresholds,
    effective,
)
from llm_eval.compare.comparability import check_comparable
from llm_eval.errors import ConfigError, IncomparableError
from llm_eval.registry import unknown
from llm_eval.review.items import judge_recipe
from llm_eval.stats.multiplicity import bonferroni, holm
from llm_eval.types import Metric, RunInfo

ALLOWABLE = ("prompt", "task_version")
"""What a change may change. Another dataset, scorer or judge makes another measurement."""
EVERY_SLICE = "*"


def check(
    thresholds: Thresholds,
    current: Evidence,
    baseline: Evidence | None = None,
    *,
    known_tasks: Collection[str] = (),
    allow: Sequence[str] = (),
    calibrations: Mapping[str, Calibration] | None = None,
) -> GateReport:
    """Hold every rule of `thresholds` against `current`.

    Args:
        thresholds: the rules.
        current: the run.
        baseline: what it is compared with; needed by some kinds of rule.
        known_tasks: tasks that a rule may be about besides the run's own; such rules are skipped,
            and any other name is a mistake.
        allow: fields of the recipe that may differ from the baseline's, besides those that the
            file allows; see `ALLOWABLE`.
        calibrations: what the database knows of the judges of this very run, by metric.

    Raises:
        ConfigError: a rule names no task, or needs a baseline that is not given.
        IncomparableError: the runs measure different things, or not what the file requires.
    """
    _check_recipes(thresholds, current, baseline, (*thresholds.allow, *allow))
    gate = _Gate(thresholds, current, baseline, calibrations or {}, {})
    tasks = {*known_tasks, *thresholds.tasks, current.task}
    targets = {rule.id: _target(rule, current, tasks, thresholds) for rule in thresholds.rules}
    chosen = [rule for rule in thresholds.rules if targets[rule.id][0] == current.task]
    if not chosen:
        raise ConfigError(f"{thresholds.path}: no rule is about the task {current.task!r}")
    results = [
        result for rule in chosen for result in gate.results(rule, targets[rule.id][1] or "")
    ]
    results = _policies_applied(_judges_checked(_corrected(results), targets, current.info))
    skipped = tuple(rule for rule in thresholds.rules if rule not in chosen)
    reference = None if baseline is None else baseline.info
    return GateReport(current.info, reference, tuple(results), skipped)


@dataclass(frozen=True, slots=True)
class _Gate:
    thresholds: Thresholds
    current: Evidence
    baseline: Evidence | None
    calibrations: Mapping[str, Calibration]
    pairings: Pairings

    def results(self, rule: Rule, metric: str) -> Iterator[RuleResult]:
        """The rule's result; one for each slice where it is about every slice."""
        if rule.needs_baseline and self.baseline is None:
            raise ConfigError(
                f"{self.thresholds.places[rule.id]}: rule {rule.id!r} compares with a baseline: "
                f"name one with --baseline, or promote one and name it in the file"
            )
        label = _label(rule)
        if label != EVERY_SLICE:
            yield self._result(rule, metric, rule.id, label)
            return
        labels = list(self.current.table.rows_by_label)
        for found in labels:
            yield self._result(rule, metric, f"{rule.id}[{found}]", found)
        if not labels:
            yield self._result(rule, metric, rule.id, EVERY_SLICE)

    def _result(self, rule: Rule, metric: str, name: str, label: str | None) -> RuleResult:
        policy = effective(rule, self.thresholds.defaults)
        finding = self._finding(rule, metric, label, policy)
        return RuleResult(name, rule, self.thresholds.places[rule.id], policy, finding)

    def _finding(self, rule: Rule, metric: str, label: str | None, policy: Defaults) -> Finding:
        limit = _limit(rule)
        if faults := self._faults(rule):
            status: Status = "fail" if policy.on_error == "fail" else "incomplete"
            return Finding(status, None, limit, "; ".join(faults))
        scope = Scope(
            self.current,
            self.baseline,
            label,
            policy.alpha,
            policy.on_error == "count",
            self.pairings,
        )
        try:
            return self._tested(rule, metric, scope)
        except MissingEvidenceError as exc:
            return Finding(policy.on_missing, None, limit, str(exc))
        except ErroredSamplesError as exc:
            status = "fail" if policy.on_error == "fail" else "incomplete"
            return Finding(status, None, limit, str(exc))

    def _faults(self, rule: Rule) -> list[str]:
        found = [f"run {self.current.info.run_id}: {fault}" for fault in self.current.faults]
        if self.baseline is not None and rule.needs_baseline:
            info = self.baseline.info
            found += [f"baseline {info.run_id}: {fault}" for fault in self.baseline.faults]
        return found

    def _tested(self, rule: Rule, metric: str, scope: Scope) -> Finding:
        match rule:
            case Floor():
                found = _bounded(scope, metric, rule.min, floor=True)
                return at_least(found, rule.min, scope.alpha, metric + scope.suffix)
            case Ceiling() if metric in MEASURES and metric not in self.current.metrics:
                return measures.ceiling(scope, metric, rule.max)
            case Ceiling():
                found = _bounded(scope, metric, rule.max, floor=False)
                return at_most(found, rule.max, scope.alpha, metric + scope.suffix)
            case NonInferiority():
                return non_inferiority(scope, metric, rule.margin)
            case Relative() if metric in MEASURES and metric not in self.current.metrics:
                return measures.increase(scope, metric, _increase(rule, metric))
            case Relative():
                return relative(scope, metric, _share(rule, scope.metric(metric)))
            case NewlyFailing():
                first = metric or next(iter(self.current.metrics), "")
                return newly_failing(scope, rule, scope.metric(first))
            case Agreement():
                name = rule.calibration
                file = None if name is None else self.thresholds.resolve(name)
                return agreement(scope, rule, metric, file, self.calibrations.get(metric))
        raise ConfigError(f"rule {rule.id!r}: no such kind")


def _check_recipes(
    thresholds: Thresholds, current: Evidence, baseline: Evidence | None, allow: Sequence[str]
) -> None:
    for name in allow:
        if name not in ALLOWABLE:
            raise ConfigError(
                f"a gate cannot allow {name!r} to differ; {unknown('field', name, ALLOWABLE)}"
            )
    for mismatch in recipe_mismatches(current.info.recipe, thresholds.require):
        raise IncomparableError(
            f"run {current.info.run_id} is not what {thresholds.path} requires: {mismatch}"
        )
    if baseline is None:
        return
    if baseline.info.run_id == current.info.run_id:
        raise ConfigError(f"run {current.info.run_id} cannot be its own baseline")
    try:
        check_comparable(baseline.info.recipe, current.info.recipe, allow)
    except IncomparableError as exc:
        what = str(exc).partition("; run both")[0]
        raise IncomparableError(
            f"{what}; promote a run of the same as the baseline anew "
            f"(a gate lets only these differ: {', '.join(f'--allow {n}' for n in ALLOWABLE)})"
        ) from exc


def _target(
    rule: Rule, current: Evidence, tasks: Collection[str], thresholds: Thresholds
) -> tuple[str, str | None]:
    """The task that a rule is about, and its metric without the task's prefix."""
    metric: str | None = getattr(rule, "metric", None)
    task = rule.task
    if task is None and metric and "." in metric and metric not in current.metrics:
        task, _, rest = metric.partition(".")
        metric = rest
    elif task is not None and metric is not None:
        metric = metric.removeprefix(f"{task}.")
    if task is not None and task not in tasks:
        place = thresholds.places[rule.id]
        raise ConfigError(
            f"{place}: rule {rule.id!r}: {unknown('task', task, tasks)} "
            f"(a task that has no run yet is named in the file: tasks: [{task}])"
        )
    return task or current.task, metric


def _label(rule: Rule) -> str | None:
    label = getattr(rule, "slice", None)
    if not isinstance(label, str | None):
        (name, value), *more = label.items()
        if more:
            raise ConfigError(f"rule {rule.id!r}: slice takes one NAME: VALUE")
        return f"{name}={value}"
    return label


def _limit(rule: Rule) -> float | None:
    for name in ("min", "max", "margin", "max_drop", "max_increase"):
        if (value := getattr(rule, name, None)) is not None:
            return float(value)
    return None


def _bounded(scope: Scope, name: str, limit: float, *, floor: bool) -> Bounded:
    """The interval of a metric, or of what the epochs add to it."""
    if name in scope.current.derived and scope.label is None:
        return _derived(scope, name, limit)
    metric = scope.metric(name)
    worst = min(metric.best, metric.worst) if floor else max(metric.best, metric.worst)
    rows = scope.rows
    return bound(
        scope.scores(metric, worst),
        scope.units(rows),
        rate=metric.kind == "rate",
        reach=abs(metric.best - metric.worst),
        limit=limit,
        alpha=scope.alpha,
    )


def _derived(scope: Scope, name: str, limit: float) -> Bounded:
    """pass@k and its kin: one value a sample."""
    scope.refuse_errors()
    values = scope.current.derived_values(name)
    return bound(values, None, rate=False, reach=1.0, limit=limit, alpha=scope.alpha)


def _increase(rule: Relative, measure: str) -> float:
    if rule.max_increase is None:
        raise ConfigError(f"rule {rule.id!r}: {measure} should be low: give max_increase")
    return rule.max_increase


def _share(rule: Relative, metric: Metric) -> float:
    wanted = rule.max_drop if metric.higher_is_better else rule.max_increase
    if wanted is None:
        key = "max_drop" if metric.higher_is_better else "max_increase"
        side = "high" if metric.higher_is_better else "low"
        raise ConfigError(f"rule {rule.id!r}: {metric.name} should be {side}: give {key}")
    return wanted


def _judges_checked(
    results: Sequence[RuleResult], targets: dict[str, tuple[str, str | None]], run: RunInfo
) -> list[RuleResult]:
    """What a judge graded proves nothing where its agreement with people is not shown.

    A judge that gives several metrics is doubted in all of them.
    """
    doubted = {
        _grader(run, targets[result.rule.id][1]): result
        for result in results
        if isinstance(result.rule, Agreement) and result.status != "pass"
    }
    checked = []
    for result in results:
        judge = doubted.get(_grader(run, targets[result.rule.id][1]))
        if judge is not None and judge is not result and result.status == "pass":
            reason = f"{result.finding.reason}; but rule {judge.id!r} does not vouch for the judge"
            finding = replace(result.finding, status=judge.status, reason=reason)
            result = replace(result, finding=finding)
        checked.append(result)
    return checked


def _grader(run: RunInfo, metric: str | None) -> str | None:
    """The judge that gives a metric, by its digest; what no judge gives stands for itself."""
    recipe = None if metric is None else judge_recipe(run, metric)
    return metric if recipe is None else str(recipe["judge"])


def _corrected(results: Sequence[RuleResult]) -> list[RuleResult]:
    """Failures that do not survive the correction over their tier are inconclusive."""
    corrected = list(results)
    for tier in ("block", "warn", "info"):
        family = [
            n
            for n, result in enumerate(results)
            if result.tier == tier and result.finding.p_value is not None
        ]
        p_values = np.array([results[n].finding.p_value for n in family], dtype=np.float64)
        for n, p in zip(family, _adjusted(results, family, p_values), strict=True):
            corrected[n] = _with_adjusted(results[n], float(p), len(family))
    return corrected


def _adjusted(
    results: Sequence[RuleResult], family: Sequence[int], p_values: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    correction = results[family[0]].policy.correction if family else "none"
    if correction == "none":
        return p_values
    return holm(p_values) if correction == "holm" else bonferroni(p_values)


def _with_adjusted(result: RuleResult, p_adjusted: float, n_tests: int) -> RuleResult:
    finding = result.finding
    if finding.status == "fail" and p_adjusted > result.policy.alpha:
        reason = (
            f"{finding.reason}; but p {finding.p_value:.2g} is {p_adjusted:.2g} "
            f"over {n_tests} tests, which may be luck"
        )
        finding = replace(finding, status="inconclusive", reason=reason)
    return replace(result, finding=finding, p_adjusted=p_adjusted)


def _policies_applied(results: Sequence[RuleResult]) -> list[RuleResult]:
    applied = []
    for result in results:
        if result.status == "inconclusive" and result.policy.on_inconclusive == "fail":
            finding = replace(result.finding, status="fail")
            result = replace(result, finding=finding)
        applied.append(result)
    return applied
