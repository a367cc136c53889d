"""A stored run as an experiment tracker takes it: flat parameters, numbers by name, tags.

    field_f1  field_f1_ci95_low  field_f1_ci95_high  field_f1_n  …  slices/easy/field_f1  …
    usage/completion_tokens  latency_s/p95  n_failed  …

No prompt and no reply is in it: what a model was asked may be nobody else's business.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llm_eval.fingerprint import digest
from llm_eval.metrics.collector import collect
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import RunInfo

_COUNTS = ("n_total", "n_scored", "n_failed", "n_unscored", "n_parse_failed")
_WHOLE = ("usage", "latency_s")


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """One run."""

    run_id: str
    task: str
    status: str
    """The run's own: complete, incomplete, interrupted …"""
    started_ms: int
    """Milliseconds since 1970, UTC."""
    ended_ms: int
    recipe: Mapping[str, Any]
    """Without the request, which repeats it."""
    params: Mapping[str, str]
    """The recipe, one value a name: `model.provider`, `sampling.temperature`."""
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    summary: Mapping[str, Any]
    """The run's `--json` object."""

    @property
    def complete(self) -> bool:
        """Whether every sample has its result."""
        return self.status == "complete"

    @property
    def digest(self) -> str:
        """Of all that is told: a tracker that has it has nothing to learn."""
        return digest(
            {
                "status": self.status,
                "params": self.params,
                "metrics": self.metrics,
                "tags": self.tags,
            }
        )


def tracked_run(storage: MetricsStorage, info: RunInfo) -> TrackedRun:
    """What a tracker is told of a run.

    Raises:
        StoreError: the database cannot be read.
    """
    summary = info.summary or collect(storage, info.run_id).to_dict()
    recipe = {name: value for name, value in info.recipe.items() if name != "request"}
    return TrackedRun(
        info.run_id,
        info.task,
        info.status,
        _ms(info.created_at),
        _ms(info.finished_at or info.created_at),
        recipe,
        {name: str(value) for name, value in _flat(recipe) if value is not None},
        dict(_numbers(summary)),
        {"task": info.task, "model": info.model, "status": info.status, **info.tags},
        summary,
    )


def first_line(error: Exception) -> str:
    """What a tracker's library says, which is often a page."""
    return str(error).strip().partition("\n")[0]


def _ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings and lists, by dotted name."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _flat(inner, f"{name}.{index}")
    else:
        yield name, value


def _numbers(summary: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name in _COUNTS:
        yield name, float(summary[name])
    yield from _metrics(summary["metrics"], "")
    for slice_, metrics in summary.get("slices", {}).items():
        yield from _metrics(metrics, f"slices/{slice_.replace('/', '_')}/")
    for part in _WHOLE:
        for name, value in (summary.get(part) or {}).items():
            if value is not None:  # an unknown price is no price of 0
                yield f"{part}/{name}", float(value)


def _metrics(metrics: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    """A metric nobody could measure has no value, and is left out rather than 0.

    Of two names neither is the other with a `/` behind it: in MLflow's file store one would be a
    file and the other its directory.
    """
    for name, metric in metrics.items():
        ends = zip(("ci95_low", "ci95_high"), metric["ci95"] or (None, None), strict=True)
        told = {"": metric["value"], **{f"_{end}": value for end, value in ends}}
        counts = {f"_{count}": metric[count] for count in ("n", "n_scored")}
        for suffix, value in {**told, **counts}.items():
            if value is not None:
                yield f"{prefix}{name}{suffix}", float(value)
