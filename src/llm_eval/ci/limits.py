"""Limits that can decide something: one in another unit would hold always, or never.

    json.exact_match: "<= 85"     a share lies between 0 and 1, so every run would pass

A mistake like this is refused before anything is tested, at its line and with the likely number.
"""

from collections.abc import Mapping

from llm_eval.ci.evidence import Evidence
from llm_eval.ci.measure_names import MEASURES, QUANTILES, SHARES
from llm_eval.ci.rules import Ceiling, Floor, NewlyFailing, NonInferiority, Relative, Rule
from llm_eval.errors import ConfigError
from llm_eval.types import Metric

_KEYS = ("min", "max", "margin", "max_drop", "max_increase")
_MILLISECONDS_FROM = 1000
"""Nobody waits so many seconds for a reply."""
_OF_MEASURES = (Ceiling, Relative)
"""Kinds that can be about what a run took."""


def limit_of(rule: Rule) -> float | None:
    """The number that a rule holds its metric against."""
    given = (getattr(rule, key, None) for key in _KEYS)
    return next((float(value) for value in given if value is not None), None)


def check_limit(rule: Rule, metric: str, run: Evidence) -> None:
    """Refuse a rule that no run could break, or none could keep.

    Args:
        rule: of this run's task.
        metric: what it is about, without the task's name.
        run: knows the metrics.

    Raises:
        ConfigError: as said; does not name the rule.
    """
    own = run.metrics.get(metric or next(iter(run.metrics), ""))
    if own is not None:
        _check_side(rule, own)
        _check_range(rule, own)
    elif metric in MEASURES:
        if not isinstance(rule, _OF_MEASURES):
            kind = getattr(rule, "kind", "rule")
            raise ConfigError(
                f"{metric} is no score, and {kind} is about scores: use ceiling or relative"
            )
        if isinstance(rule, Relative) and rule.max_increase is None:
            raise ConfigError(f"{metric} should be low: give max_increase")
        if metric in QUANTILES and isinstance(rule, Ceiling) and rule.max >= _MILLISECONDS_FROM:
            raise ConfigError(
                f"max: {rule.max:g} decides nothing, as {metric} is in seconds; did you mean "
                f"{rule.max / 1000:g}?"
            )
        if metric in SHARES:
            _check_range(rule, Metric(metric, "rate", worst=1.0, best=0.0))
    elif metric in run.derived:
        if not isinstance(rule, Floor | Ceiling) or rule.slice is not None:
            raise ConfigError(f"{metric} is of all samples: use floor or ceiling, and no slice")
        _check_range(rule, Metric(metric, "rate"))


def _check_side(rule: Rule, metric: Metric) -> None:
    if not isinstance(rule, Relative):
        return
    wanted, side = ("max_drop", "high") if metric.higher_is_better else ("max_increase", "low")
    if getattr(rule, wanted) is None:
        raise ConfigError(f"{metric.name} should be {side}: give {wanted}")


def _check_range(rule: Rule, metric: Metric) -> None:
    low, high = sorted((metric.worst, metric.best))
    for key, limit in _limits(rule).items():
        if not _decides(rule, limit, low, high, metric):
            hundredth = limit / 100
            likely = _decides(rule, hundredth, low, high, metric)
            raise ConfigError(
                f"{key}: {limit:g} decides nothing, as {metric.name} lies between {low:g} and "
                f"{high:g}" + (f"; did you mean {hundredth:g}?" if likely else "")
            )


def _limits(rule: Rule) -> Mapping[str, float]:
    found = {key: getattr(rule, key, None) for key in _RANGED.get(type(rule), ())}
    return {key: value for key, value in found.items() if value is not None}


_RANGED: Mapping[type[Rule], tuple[str, ...]] = {
    Floor: ("min",),
    Ceiling: ("max",),
    NonInferiority: ("margin",),
    NewlyFailing: ("pass_at",),
}


def _decides(rule: Rule, limit: float, low: float, high: float, metric: Metric) -> bool:
    """Whether some values between `low` and `high` keep the limit, and some do not."""
    if isinstance(rule, NonInferiority):
        return 0 < limit < high - low
    at_least = isinstance(rule, Floor) or (
        isinstance(rule, NewlyFailing) and metric.higher_is_better
    )
    return low < limit <= high if at_least else low <= limit < high
