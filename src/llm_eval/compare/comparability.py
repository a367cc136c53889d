"""Whether two runs measure the same thing, so that a difference is the model's doing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llm_eval.errors import ConfigError, IncomparableError
from llm_eval.recipe import MUST_MATCH
from llm_eval.registry import unknown

ALLOWABLE = (*MUST_MATCH, "judge", "on_parse_error", "metrics")


def check_comparable(
    baseline: Mapping[str, Any], current: Mapping[str, Any], allow: Sequence[str] = ()
) -> tuple[str, ...]:
    """The allowed differences between two recipes.

    Raises:
        IncomparableError: a field differs that is not in `allow`; names it and both values.
        ConfigError: `allow` names no field.
    """
    for name in allow:
        if name not in ALLOWABLE:
            raise ConfigError(f"--allow: {unknown('recipe field', name, ALLOWABLE)}")
    found = list(_differences(baseline, current))
    refused = [name for name in found if name not in allow]
    if refused:
        name = refused[0]
        flags = " ".join(f"--allow {field}" for field in refused)
        raise IncomparableError(
            f"the runs are not comparable: {', '.join(refused)} differ "
            f"({name}: {_short(baseline.get(name))} against {_short(current.get(name))}); "
            f"run both on the same, or compare all the same with {flags}"
        )
    return tuple(found)


def _differences(baseline: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[str]:
    for name in ALLOWABLE:
        if baseline.get(name) != current.get(name):
            yield name


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:23]}…"
