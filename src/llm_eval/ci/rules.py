"""The rules of a thresholds file: one class a kind, and the policies that they share.

    {id: no-drop, metric: qa.exact_match, kind: non_inferiority, margin: 0.02}

    NonInferiority(id="no-drop", metric="qa.exact_match", kind="non_inferiority", margin=0.02)

The JSON Schema for editors is made from these classes, and so is what a mistake is told with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, ClassVar, Literal

import msgspec

from llm_eval.errors import ConfigError

Tier = Literal["block", "warn", "info"]
OnError = Literal["incomplete", "fail", "count"]
OnMissing = Literal["fail", "incomplete"]
OnInconclusive = Literal["stop", "warn", "fail"]
Correction = Literal["holm", "bonferroni", "none"]
Coefficient = Literal["kappa", "ac1", "accuracy"]

Name = Annotated[str, msgspec.Meta(min_length=1)]
Level = Annotated[float, msgspec.Meta(gt=0, lt=0.5)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]
FromZeroToOne = Annotated[float, msgspec.Meta(ge=0, le=1)]
AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]

_PERCENT_FROM = 10.0
"""So large a share was meant as percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for every rule that does not say otherwise."""

    alpha: Level = 0.05
    """Error rate of each interval and of the family of tests."""
    correction: Correction = "holm"
    """Over all tests of one tier, so that twenty rules do not cry wolf twenty times as often."""
    tier: Tier = "block"
    on_error: OnError = "incomplete"
    on_missing: OnMissing = "fail"
    on_inconclusive: OnInconclusive = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What all kinds of rule share."""

    id: Name
    """What reports call it; unique in the file."""
    tier: Tier | None = None
    """block: it decides the exit code; warn: it is announced; info: it is listed."""
    task: Name | None = None
    """The task that the rule is about; also as the metric's prefix: `json.exact_match`."""
    on_error: OnError | None = None
    """Samples without a score: incomplete, fail, or count (each as the worst it could be)."""
    on_missing: OnMissing | None = None
    """The run has no such metric or slice."""
    on_inconclusive: OnInconclusive | None = None
    """Too few samples to tell: stop (exit code 3), warn (exit code 0), or fail."""

    needs_baseline: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliced(Rule):
    """A rule that may be about some of the samples."""

    slice: str | Mapping[str, str] | None = None
    """A slice, one NAME: VALUE, or "*" for each of them."""

    def __post_init__(self) -> None:
        """One slice.

        Raises:
            ConfigError: a mapping of none or of several.
        """
        if isinstance(self.slice, Mapping) and len(self.slice) != 1:
            raise ConfigError("slice takes one NAME: VALUE")

    @property
    def label(self) -> str | None:
        """What the run calls its slice; None for all samples."""
        if not isinstance(self.slice, Mapping):
            return self.slice
        ((name, value),) = self.slice.items()
        return f"{name}={value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor(Sliced):
    """The interval's lower bound must not lie below `min`."""

    kind: Literal["floor"]
    metric: Name
    min: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling(Sliced):
    """The interval's upper bound must not lie above `max`; totals are compared as they are."""

    kind: Literal["ceiling"]
    metric: Name
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NonInferiority(Sliced):
    """Paired with the baseline, the metric is shown to be worse by less than `margin`."""

    kind: Literal["non_inferiority"]
    metric: Name
    margin: Positive
    """In the metric's units. At 0 not even an unchanged run could pass."""
    needs_baseline: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative(Sliced):
    """Paired with the baseline, the metric is shown to be worse by less than a share of it."""

    kind: Literal["relative"]
    metric: Name
    max_drop: Share | None = None
    """Of the baseline's value, for what should be high: .05 is five percent."""
    max_increase: Positive | None = None
    """Of the baseline's value, for what should be low."""
    needs_baseline: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """One limit, not two and not none.

        Raises:
            ConfigError: as said.
        """
        Sliced.__post_init__(self)
        if (self.max_drop is None) == (self.max_increase is None):
            raise ConfigError("give either max_drop or max_increase")
        if self.max_increase is not None and self.max_increase >= _PERCENT_FROM:
            raise ConfigError(
                f"max_increase: {self.max_increase:g} allows {self.max_increase + 1:g} times the "
                f"baseline's value; a share is meant: {self.max_increase / 100:g}"
            )

    @property
    def share(self) -> float:
        """The one that is given."""
        return float(self.max_drop if self.max_drop is not None else self.max_increase or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewlyFailing(Sliced):
    """At most `max` samples fail that passed in the baseline, each confirmed by repeats."""

    kind: Literal["newly_failing"]
    metric: Name | None = None
    """The run's first metric where left out."""
    max: NotNegative = 0
    confirm: AtLeastOne = 3
    """Tries that must agree in either run: it passed every one before and none now."""
    pass_at: float | None = None
    """From which value a sample passes; the metric's best where left out."""
    needs_baseline: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement(Rule):
    """The judge behind `metric` agrees with people, by the lower bound of the interval."""

    kind: Literal["agreement"]
    metric: Name
    min: FromZeroToOne
    calibration: Name | None = None
    """JSON file with the labels of people and of the judge, relative to thresholds.yaml; where
    left out, what `llm-eval judge calibrate` found is in the database."""
    rater: Name | None = None
    """Whose labels count alone; where left out, everybody's who has checked this judge."""
    coefficient: Coefficient = "kappa"
    max_age_days: Positive | None = None
    """Older labels count as none."""


KINDS: Mapping[str, type[Rule]] = {
    "floor": Floor,
    "ceiling": Ceiling,
    "non_inferiority": NonInferiority,
    "relative": Relative,
    "newly_failing": NewlyFailing,
    "agreement": Agreement,
}


def effective(rule: Rule, defaults: Defaults) -> Defaults:
    """The policies of `rule`: its own, else the file's."""
    names = {f.name for f in fields(Rule)} & {f.name for f in fields(Defaults)}
    own = {name: getattr(rule, name) for name in names}
    chosen = {name: value for name, value in own.items() if value is not None}
    kept = {f.name: getattr(defaults, f.name) for f in fields(Defaults)}
    return Defaults(**(kept | chosen))
