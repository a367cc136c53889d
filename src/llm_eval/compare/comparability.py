"""Whether two runs measure the same thing, so that a difference is the model's doing.

the runs are not comparable: prompt differs (3f9c… against a81b…); run both on the same, or
compare all the same with --allow prompt
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llm_eval.errors import ConfigError, IncomparableError
from llm_eval.recipe import MUST_MATCH
from llm_eval.registry import unknown

ALLOWABLE = (*MUST_MATCH, "judge", "on_parse_error", "metrics")
"""Fields of a recipe that must be equal."""

SHORT_NAMES = {"dataset_hash": "dataset", "prompt_hash": "prompt"}
_FIELDS = {**{name: name for name in ALLOWABLE}, **{v: k for k, v in SHORT_NAMES.items()}}
_UNINTERESTING = ("request",)


@dataclass(frozen=True, slots=True)
class Difference:
    """One value in which two recipes differ."""

    field: str
    """Dotted path, such as `sampling.temperature`."""
    baseline: Any
    current: Any
    allowed: bool
    """It makes the runs incomparable, and was allowed to."""


def check_comparable(
    baseline: Mapping[str, Any], current: Mapping[str, Any], allow: Sequence[str] = ()
) -> tuple[str, ...]:
    """The allowed differences between two recipes, by the names of their fields.

    Raises:
        IncomparableError: a field differs that is not in `allow`; names it and both values.
        ConfigError: `allow` names no field.
    """
    allowed = {_field(name) for name in allow}
    found = [name for name in ALLOWABLE if baseline.get(name) != current.get(name)]
    refused = [name for name in found if name not in allowed]
    if refused:
        names = [SHORT_NAMES.get(name, name) for name in refused]
        verb = "differs" if len(names) == 1 else "differ"
        raise IncomparableError(
            f"the runs are not comparable: {', '.join(names)} {verb} "
            f"({'; '.join(_explained(name, baseline, current) for name in refused[:3])}); "
            f"run both on the same, or compare all the same with "
            f"{' '.join(f'--allow {name}' for name in names)}"
        )
    return tuple(found)


def recipe_differences(
    baseline: Mapping[str, Any], current: Mapping[str, Any]
) -> tuple[Difference, ...]:
    """Every value in which two recipes differ: what the change is, as far as the runs know."""
    return tuple(
        Difference(path, before, after, allowed=path.split(".")[0] in ALLOWABLE)
        for path, before, after in _leaves(baseline, current, "")
        if path.split(".")[0] not in _UNINTERESTING
    )


def _field(name: str) -> str:
    if name not in _FIELDS:
        raise ConfigError(f"--allow: {unknown('recipe field', name, sorted(_FIELDS))}")
    return _FIELDS[name]


def _explained(name: str, baseline: Mapping[str, Any], current: Mapping[str, Any]) -> str:
    """The field's first difference with both values; for rows, how many there are."""
    before, after = baseline.get(name), current.get(name)
    rows = baseline.get("n_samples"), current.get("n_samples")
    if name == "dataset_hash" and rows[0] != rows[1]:
        return f"dataset: {rows[0]} samples against {rows[1]}"
    path, first, second = next(_leaves(before, after, SHORT_NAMES.get(name, name)))
    return f"{path}: {_short(first)} against {_short(second)}"


def _leaves(before: Any, after: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """(path, value, value) of whatever differs, as deep as both have the same shape."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*before, *(name for name in after if name not in before)]:
            inner = f"{path}.{name}" if path else str(name)
            yield from _leaves(before.get(name), after.get(name), inner)
    elif _are_lists(before, after) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _leaves(one, other, f"{path}[{_name(one, number)}]")
    elif before != after:
        yield path, before, after


def _are_lists(*values: object) -> bool:
    return all(isinstance(value, list | tuple) for value in values)


def _name(item: object, number: int) -> str:
    """What people call an item of a list: its own name, where it has one."""
    return str(item.get("name", number)) if isinstance(item, Mapping) else str(number)


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
