"""The gate on a run of a database, which knows more than the run: other tasks, and its judges."""

from collections.abc import Sequence

from llm_eval.ci.calibration import Calibration, from_confusion
from llm_eval.ci.evidence import Evidence
from llm_eval.ci.gate import check
from llm_eval.ci.gate_report import GateReport
from llm_eval.ci.rules import Agreement
from llm_eval.ci.thresholds import Thresholds
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.registry import names
from llm_eval.review.calibrated import calibrations_of
from llm_eval.types import RunInfo


def check_stored(
    storage: MetricsStorage,
    thresholds: Thresholds,
    current: Evidence,
    baseline: Evidence | None = None,
    *,
    allow: Sequence[str] = (),
) -> GateReport:
    """Hold every rule against a run of `storage`; see `check`.

    Raises:
        ConfigError: as `check`.
        IncomparableError: as `check`.
        StoreError: the database cannot be read.
    """
    return check(
        thresholds,
        current,
        baseline,
        known_tasks={*names("tasks"), *storage.task_names()},
        allow=allow,
        calibrations=_calibrations(storage, thresholds, current.info),
    )


def _calibrations(
    storage: MetricsStorage, thresholds: Thresholds, info: RunInfo
) -> dict[str, list[Calibration]]:
    """Those of the run's judges, by the metric of each rule that asks for them."""
    asked = {
        rule.metric.rpartition(".")[2]
        for rule in thresholds.rules
        if isinstance(rule, Agreement) and rule.calibration is None
    }
    return {
        metric: [
            from_confusion(known.report, metric, {}, known.created_at)
            for known in calibrations_of(storage, info, metric)
        ]
        for metric in asked
    }
