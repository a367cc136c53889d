"""Whether a run's judge is calibrated: for gates that ask for it.

>>> require_calibrated(storage, info)
ConfigError: run …: its judge is not calibrated: …
"""

from llm_eval.errors import ConfigError
from llm_eval.metrics.labels import Calibration
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.review.items import judge_of, judge_recipe
from llm_eval.types import RunInfo


def calibration_of(
    storage: MetricsStorage, info: RunInfo, metric: str | None = None
) -> Calibration | None:
    """What is known of the very judge that judged a run: same model, prompt, rubric and schema.

    Args:
        storage: holds it.
        info: the run.
        metric: what the judge gives; None: the run's only judge.

    Raises:
        ConfigError: no metric is given, and the run has several judges.
    """
    recipe = judge_of(info) if metric is None else judge_recipe(info, metric)
    return None if recipe is None else storage.labels.calibration(recipe["judge"])


def require_calibrated(
    storage: MetricsStorage,
    info: RunInfo,
    *,
    metric: str | None = None,
    min_labels: int = 30,
    min_kappa: float | None = None,
) -> Calibration:
    """The calibration of a run's judge.

    Args:
        storage: holds both.
        info: the judged run.
        metric: what the judge gives; None: the run's only judge.
        min_labels: a calibration on fewer does not count.
        min_kappa: a judge that agrees less with people does not count.

    Raises:
        ConfigError: there is none, it is of another recipe, or it is not good enough.
    """
    found = calibration_of(storage, info, metric)
    where = f"run {info.run_id}"
    if found is None:
        raise ConfigError(
            f"{where}: its judge is not calibrated, or its model, prompt, rubric or schema changed "
            f"since: llm-eval judge calibrate {info.run_id}"
        )
    n = found.report["n_labelled"]
    if n < min_labels:
        raise ConfigError(f"{where}: its judge is calibrated on {n} labels, {min_labels} are asked")
    kappa = found.report["pass"]["kappa"]["value"]
    if min_kappa is not None and (kappa is None or kappa < min_kappa):
        shown = "unknown" if kappa is None else f"{kappa:.2f}"
        raise ConfigError(f"{where}: its judge's kappa with people is {shown}, below {min_kappa}")
    return found
