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

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from llm_eval.ci.rules import KINDS, Defaults, Name, Rule
from llm_eval.ci.simple_form import expand, is_expression
from llm_eval.errors import ConfigError
from llm_eval.registry import unknown
from llm_eval.yaml_source import Source, decode, load_yaml, parse_yaml

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
    misspelt = difflib.get_close_matches(key, _KEYS, n=1)
    if not misspelt and _is_number(value):
        return f"{key}: {value!r} is no rule; write '>= {value}' or '<= {value}'"
    return unknown("key", key, _KEYS) + "; a rule in the short form reads METRIC: '>= 0.85'"


def _is_number(value: object) -> bool:
    try:
        return not isinstance(value, bool) and isinstance(float(str(value)), float)
    except ValueError:
        return False


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
