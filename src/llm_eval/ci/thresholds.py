"""thresholds.yaml: the rules that a run must keep, read and checked.

    json.exact_match: ">= 0.85"       # the short form: a floor on the interval's bound

    version: 1                        # the long form
    baseline: main
    defaults: {alpha: 0.05, correction: holm}
    gates:
      - {id: no-drop, metric: qa.exact_match, kind: non_inferiority, margin: 0.02}
      - {id: spend, metric: cost_usd, kind: ceiling, max: 5, tier: warn}

Both forms may stand in one file. A mistake is told with its line and the nearest right name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from llm_eval.ci.simple_form import expand, is_expression
from llm_eval.errors import ConfigError
from llm_eval.registry import unknown
from llm_eval.yaml_source import Source, decode, load_yaml, parse_yaml

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
AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]


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
class Floor(Rule):
    """The interval's lower bound must not lie below `min`."""

    kind: Literal["floor"]
    metric: Name
    min: float
    slice: str | Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling(Rule):
    """The interval's upper bound must not lie above `max`; totals are compared as they are."""

    kind: Literal["ceiling"]
    metric: Name
    max: float
    slice: str | Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NonInferiority(Rule):
    """Paired with the baseline, the metric is shown to be worse by less than `margin`."""

    kind: Literal["non_inferiority"]
    metric: Name
    margin: Positive
    """In the metric's units. At 0 not even an unchanged run could pass."""
    slice: str | Mapping[str, str] | None = None
    needs_baseline: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative(Rule):
    """Paired with the baseline, the metric is shown to be worse by less than a share of it."""

    kind: Literal["relative"]
    metric: Name
    max_drop: Share | None = None
    """Of the baseline's value, for what should be high: .05 is five percent."""
    max_increase: Positive | None = None
    """Of the baseline's value, for what should be low."""
    slice: str | Mapping[str, str] | None = None
    needs_baseline: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """One limit, not two and not none.

        Raises:
            ConfigError: as said.
        """
        if (self.max_drop is None) == (self.max_increase is None):
            raise ConfigError("give either max_drop or max_increase")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewlyFailing(Rule):
    """At most `max` samples fail that passed in the baseline, each confirmed by repeats."""

    kind: Literal["newly_failing"]
    metric: Name | None = None
    """The run's first metric where left out."""
    max: NotNegative = 0
    confirm: AtLeastOne = 3
    """Tries that must agree in either run: it passed every one before and none now."""
    pass_at: float | None = None
    """From which value a sample passes; the metric's best where left out."""
    slice: str | Mapping[str, str] | None = None
    needs_baseline: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement(Rule):
    """The judge behind `metric` agrees with people, by the lower bound of the interval."""

    kind: Literal["agreement"]
    metric: Name
    min: float
    calibration: Name | None = None
    """JSON file with the labels of people and of the judge, relative to thresholds.yaml; where
    left out, what `llm-eval judge calibrate` found is in the database."""
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
_KEYS = ("version", "baseline", "allow", "require", "tasks", "defaults", "gates")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The file, read."""

    path: str
    rules: tuple[Rule, ...]
    places: Mapping[str, str]
    """`file:line` of each rule, by its id."""
    defaults: Defaults = Defaults()
    baseline: str | None = None
    """Run, name of a promoted baseline, or a .json file relative to this one."""
    require: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the run's recipe that must have these values."""
    allow: tuple[str, ...] = ()
    """Fields of the recipe in which the run may differ from the baseline: prompt, …"""
    tasks: tuple[str, ...] = ()
    """Further tasks that the file has rules for, besides built-in ones and those with runs."""

    def resolve(self, path: str) -> Path:
        """`path` as the file means it: relative to the file's own directory."""
        return Path(self.path).parent / path


def load_thresholds(path: str | Path) -> Thresholds:
    """Read and check a thresholds file.

    Raises:
        ConfigError: it cannot be read or holds a mistake; names line and nearest right name.
    """
    return _thresholds(load_yaml(path))


def parse_thresholds(text: str, path: str = "thresholds.yaml") -> Thresholds:
    """Read and check thresholds from `text`; `path` is for messages and relative paths."""
    return _thresholds(parse_yaml(text, path))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """The long form but for its rules."""

    version: Literal[1] = 1
    baseline: Name | None = None
    require: dict[str, Any] = field(default_factory=dict)
    allow: tuple[Literal["prompt", "task_version"], ...] = ()
    tasks: tuple[Name, ...] = ()
    defaults: Defaults = Defaults()
    gates: list[Any] = field(default_factory=list)


def _thresholds(source: Source) -> Thresholds:
    if not isinstance(source.value, dict) or not source.value:
        raise source.error(
            "the file must hold rules: METRIC: '>= 0.85', or gates: with a list of them"
        )
    short = {key: text for key, text in source.value.items() if key not in _KEYS}
    head = decode(_without(source, short), _Head)
    rules: dict[str, Rule] = {}
    places: dict[str, str] = {}
    for rule, place in [*_short_rules(source, short), *_long_rules(source, head)]:
        if rule.id in rules:
            raise ConfigError(f"{place}: rule {rule.id!r} is already at {places[rule.id]}")
        rules[rule.id], places[rule.id] = rule, place
    if not rules:
        raise source.error("there is no rule, and a gate without one would always open")
    return Thresholds(
        source.path,
        tuple(rules.values()),
        places,
        head.defaults,
        head.baseline,
        head.require,
        head.allow,
        head.tasks,
    )


def _without(source: Source, keys: Mapping[str, Any]) -> Source:
    rest = {key: value for key, value in source.value.items() if key not in keys}
    return Source(source.path, rest, source.lines)


def _short_rules(source: Source, short: Mapping[str, Any]) -> list[tuple[Rule, str]]:
    found = []
    for metric, text in short.items():
        if not is_expression(text):
            raise source.error(_not_a_rule(metric, text), metric)
        try:
            written = dict(expand(metric, text))
            spot = Source(source.path, written, {})
            rule = decode(spot, KINDS[written["kind"]], what=f"rule {metric!r}")
        except ConfigError as exc:
            message = str(exc).removeprefix(f"{source.path}:1: ")
            raise source.error(message, metric) from exc
        found.append((rule, source.place(metric)))
    return found


def _not_a_rule(key: str, value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{key}: {value} is no rule; write '>= {value}' or '<= {value}'"
    return unknown("key", key, _KEYS) + "; a rule in the short form reads METRIC: '>= 0.85'"


def _long_rules(source: Source, head: _Head) -> list[tuple[Rule, str]]:
    found = []
    for position, written in enumerate(head.gates):
        at = ("gates", position)
        if not isinstance(written, dict):
            raise source.error("expected a rule: {id: …, metric: …, kind: …}", *at)
        what = f"rule {written.get('id', position + 1)!r}"
        kind = written.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise source.error(f"{what}: {_unknown_kind(kind)}", *at, "kind")
        found.append((decode(source, KINDS[kind], *at, what=what), source.place(*at)))
    return found


def _unknown_kind(kind: object) -> str:
    if kind is None:
        return f"the key 'kind' is missing; it is one of: {', '.join(sorted(KINDS))}"
    return unknown("kind", str(kind), KINDS)


def effective(rule: Rule, defaults: Defaults) -> Defaults:
    """The policies of `rule`: its own, else the file's."""
    names = {f.name for f in fields(Rule)} & {f.name for f in fields(Defaults)}
    own = {name: getattr(rule, name) for name in names}
    chosen = {name: value for name, value in own.items() if value is not None}
    kept = {f.name: getattr(defaults, f.name) for f in fields(Defaults)}
    return Defaults(**(kept | chosen))
