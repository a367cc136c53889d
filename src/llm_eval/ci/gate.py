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

from llm_eval.ci import measures
from llm_eval.ci.agreement import agreement
from llm_eval.ci.bounds import Bounded, at_least, at_most, bound
from llm_eval.ci.calibration import Calibration
from llm_eval.ci.changes import non_inferiority, relative
from llm_eval.ci.choices import ALLOWABLE
from llm_eval.ci.correction import corrected
from llm_eval.ci.evidence import Evidence, recipe_mismatches
from llm_eval.ci.finding import ErroredSamplesError, Finding, MissingEvidenceError, Status
from llm_eval.ci.gate_report import GateReport, RuleResult
from llm_eval.ci.judge_doubts import judges_doubted
from llm_eval.ci.limits import check_limit, limit_of
from llm_eval.ci.measure_names import MEASURES
from llm_eval.ci.newly_failing import newly_failing
from llm_eval.ci.rules import (
    Agreement,
    Ceiling,
    Defaults,
    Floor,
    NewlyFailing,
    NonInferiority,
    Relative,
    Rule,
    Sliced,
    effective,
)
from llm_eval.ci.scope import Pairing, Scope
from llm_eval.ci.thresholds import Thresholds
from llm_eval.compare.comparability import check_comparable
from llm_eval.errors import ConfigError, IncomparableError
from llm_eval.registry import unknown

EVERY_SLICE = "*"


def check(
    thresholds: Thresholds,
    current: Evidence,
    baseline: Evidence | None = None,
    *,
    known_tasks: Collection[str] = (),
    allow: Sequence[str] = (),
    calibrations: Mapping[str, Sequence[Calibration]] | None = None,
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
    gate = _Gate(thresholds, current, baseline, calibrations or {}, Pairing(baseline, current))
    tasks = {*known_tasks, *thresholds.tasks, current.task}
    targets = {rule.id: _target(rule, current, tasks, thresholds) for rule in thresholds.rules}
    chosen = [rule for rule in thresholds.rules if targets[rule.id][0] == current.task]
    if not chosen:
        others = ", ".join(sorted({task for task, _ in targets.values()}))
        raise ConfigError(
            f"{thresholds.path}: no rule is about the task {current.task!r}, only about: {others}"
        )
    results = [
        result for rule in chosen for result in gate.results(rule, targets[rule.id][1] or "")
    ]
    metrics = {rule_id: metric for rule_id, (_, metric) in targets.items()}
    results = _policies_applied(judges_doubted(corrected(results), metrics, current.info))
    skipped = tuple(rule for rule in thresholds.rules if rule not in chosen)
    reference = None if baseline is None else baseline.info
    return GateReport(current.info, reference, tuple(results), skipped)


@dataclass(frozen=True, slots=True)
class _Gate:
    thresholds: Thresholds
    current: Evidence
    baseline: Evidence | None
    calibrations: Mapping[str, Sequence[Calibration]]
    pairing: Pairing

    def results(self, rule: Rule, metric: str) -> Iterator[RuleResult]:
        """The rule's result; one for each slice where it is about every slice."""
        if rule.needs_baseline and self.baseline is None:
            raise ConfigError(
                f"{self.thresholds.places[rule.id]}: rule {rule.id!r} compares with a baseline: "
                f"name one with --baseline, or promote one and name it in the file"
            )
        try:
            check_limit(rule, metric, self.current)
        except ConfigError as exc:
            raise ConfigError(
                f"{self.thresholds.places[rule.id]}: rule {rule.id!r}: {exc}"
            ) from exc
        label = rule.label if isinstance(rule, Sliced) else None
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
        limit = limit_of(rule)
        if faults := self._faults(rule):
            status: Status = "fail" if policy.on_error == "fail" else "incomplete"
            return Finding(status, None, limit, "; ".join(faults))
        scope = Scope(
            self.current,
            self.baseline,
            label,
            policy.alpha,
            policy.on_error == "count",
            self.pairing,
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
                return measures.increase(scope, metric, rule.share)
            case Relative():
                return relative(scope, metric, rule.share)
            case NewlyFailing():
                first = metric or next(iter(self.current.metrics), "")
                return newly_failing(scope, rule, scope.metric(first))
            case Agreement():
                name = rule.calibration
                file = None if name is None else self.thresholds.resolve(name)
                return agreement(scope, rule, metric, file, self.calibrations.get(metric, ()))
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
    values, table = scope.current.derived_values(name), scope.current.table
    units = None if table.starts is None else table.cluster_numbers(table.starts)
    return bound(values, units, rate=False, reach=1.0, limit=limit, alpha=scope.alpha)


def _policies_applied(results: Sequence[RuleResult]) -> list[RuleResult]:
    applied = []
    for result in results:
        if result.status == "inconclusive" and result.policy.on_inconclusive == "fail":
            finding = replace(result.finding, status="fail")
            result = replace(result, finding=finding)
        applied.append(result)
    return applied
