"""Whether a run's judge is calibrated: for gates that ask for it.

>>> require_calibrated(storage, info)
ConfigError: run …: its judge is not calibrated: …

Where several people have checked a judge, apart or together, nobody's word is lost: a calibration
by some of them gives way only to one by these and more, and what is left must all be good enough.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from llm_eval.errors import ConfigError
from llm_eval.metrics.labels import Calibration
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.review.items import judge_of, judge_recipe
from llm_eval.types import RunInfo


class Rated(Protocol):
    """What rests on the labels of some raters."""

    @property
    def raters(self) -> Sequence[str]:
        """Their names."""


R = TypeVar("R", bound=Rated)


def relied_on(found: Sequence[R]) -> list[R]:
    """Those whose raters are not all among the raters of another one."""
    return [one for one in found if not any(set(one.raters) < set(x.raters) for x in found)]


def calibrations_of(
    storage: MetricsStorage, info: RunInfo, metric: str | None = None
) -> list[Calibration]:
    """What is known of the very judge that judged a run: same model, prompt, rubric and schema.

    One calibration of each set of raters.

    Args:
        storage: holds it.
        info: the run.
        metric: what the judge gives; None: the run's only judge.

    Raises:
        ConfigError: no metric is given, and the run has several judges.
    """
    recipe = judge_of(info) if metric is None else judge_recipe(info, metric)
    return [] if recipe is None else storage.labels.calibrations(recipe["judge"])


def require_calibrated(
    storage: MetricsStorage,
    info: RunInfo,
    *,
    metric: str | None = None,
    min_labels: int = 30,
    min_kappa: float | None = None,
) -> list[Calibration]:
    """The calibrations of a run's judge that count: none of them is lacking.

    Args:
        storage: holds both.
        info: the judged run.
        metric: what the judge gives; None: the run's only judge.
        min_labels: a calibration on fewer does not count.
        min_kappa: a judge that agrees less with people does not count.

    Raises:
        ConfigError: there is none, it is of another recipe, or one is not good enough.
    """
    found = relied_on(calibrations_of(storage, info, metric))
    where = f"run {info.run_id}"
    if not found:
        raise ConfigError(
            f"{where}: its judge is not calibrated, or its model, prompt, rubric or schema changed "
            f"since: llm-eval judge calibrate {info.run_id}"
        )
    for one in found:
        _require(one, where, min_labels, min_kappa)
    return found


def _require(found: Calibration, where: str, min_labels: int, min_kappa: float | None) -> None:
    n, people = found.report["n_labelled"], ", ".join(found.raters)
    if n < min_labels:
        raise ConfigError(
            f"{where}: its judge is calibrated on {n} labels by {people}, {min_labels} are asked"
        )
    kappa = found.report["pass"]["kappa"]["value"]
    if min_kappa is not None and (kappa is None or kappa < min_kappa):
        shown = "unknown" if kappa is None else f"{kappa:.2f}"
        raise ConfigError(f"{where}: its judge's kappa with {people} is {shown}, below {min_kappa}")
