"""Whether two runs measure the same thing, so that a difference is the model's doing.

the runs are not comparable: prompt differs (prompt: e2835be725f7 against 682cb586d98f); run both
on the same, or compare all the same with --allow prompt
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llm_eval.errors import ConfigError, IncomparableError
from llm_eval.recipe import MUST_MATCH
from llm_eval.registry import unknown
from llm_eval.scorers.canaries import PREPARED

ALLOWABLE = (*MUST_MATCH, "judge", "on_parse_error", "metrics")
"""Fields of a recipe that must be equal."""

SHORT_NAMES = {"dataset_hash": "dataset", "prompt_hash": "prompt"}
_FIELDS = {**{name: name for name in ALLOWABLE}, **{v: k for k, v in SHORT_NAMES.items()}}
_WITHIN = {"judge": "scorers"}
"""Who lets the scorers differ lets the judge among them differ."""
_UNINTERESTING = ("request", PREPARED)
_DIGEST = re.compile(r"[0-9a-f]{40,64}")
_SHOWN_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Difference:
    """One value in which two recipes differ."""

    field: str
    """Dotted path, such as `sampling.temperature`."""
    baseline: Any
    current: Any


def check_comparable(
    baseline: Mapping[str, Any], current: Mapping[str, Any], allow: Sequence[str] = ()
) -> tuple[str, ...]:
    """The allowed differences between two recipes, by the names of their fields.

    Raises:
        IncomparableError: a field differs that is not in `allow`; names it and both values.
        ConfigError: `allow` names no field.
    """
    allowed = {_field(name) for name in allow}
    found = _differing(baseline, current)
    refused = [name for name in found if not {name, _WITHIN.get(name)} & allowed]
    if refused:
        names = [SHORT_NAMES.get(name, name) for name in refused]
        verb = "differ" if len(names) > 1 or names[0].endswith("s") else "differs"
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
        Difference(path, before, after)
        for path, before, after in _leaves(baseline, current, "")
        if path.split(".")[0] not in _UNINTERESTING
    )


def _differing(baseline: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """Fields that must be equal and are not; `judge` where of the scorers only judges differ."""
    found = [name for name in ALLOWABLE if baseline.get(name) != current.get(name)]
    before, after = baseline.get("scorers") or (), current.get("scorers") or ()
    if "scorers" in found and len(before) == len(after):
        pairs = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
        if all(_is_judge(one) and _is_judge(other) for one, other in pairs):
            found[found.index("scorers")] = "judge"
    return list(dict.fromkeys(found))


def _is_judge(scorer: object) -> bool:
    return isinstance(scorer, Mapping) and "judge" in scorer


def _field(name: str) -> str:
    if name not in _FIELDS:
        raise ConfigError(f"--allow: {unknown('recipe field', name, sorted(_FIELDS))}")
    return _FIELDS[name]


def _explained(name: str, baseline: Mapping[str, Any], current: Mapping[str, Any]) -> str:
    """The field's first difference with both values; for rows, how many there are."""
    before, after = baseline.get(name), current.get(name)
    if before == after:  # the judge is one of the scorers
        before, after, name = baseline["scorers"], current["scorers"], "scorers"
    rows = baseline.get("n_samples"), current.get("n_samples")
    if name == "dataset_hash" and rows[0] != rows[1]:
        return f"dataset: {rows[0]} samples against {rows[1]}"
    leaves = list(_leaves(before, after, SHORT_NAMES.get(name, name)))
    # What a reader knows by its name says more than the digest of all of it.
    path, first, second = min(leaves, key=lambda leaf: _is_digest(leaf[1]))
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


def _name(item: object, otherwise: object) -> str:
    """What people call an item of a list: its own name, where it has one."""
    return str(item.get("name", otherwise)) if isinstance(item, Mapping) else str(otherwise)


def _short(value: object) -> str:
    text = "nothing" if value is None else setting(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def setting(value: object) -> str:
    """A recipe's value as text: a digest's beginning, the names of what has one."""
    if isinstance(value, list | tuple):
        return ", ".join(_name(item, setting(item)) for item in value) or "none"
    return str(value)[:_SHOWN_DIGITS] if _is_digest(value) else str(value)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None
