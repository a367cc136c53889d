"""A metric over the runs of a task, oldest first: what a trend is drawn from.

>>> for moment in history(storage, "qa", "exact_match"):
...     moment.created_at, moment.git_commit, moment.value, moment.change
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from llm_eval.errors import ConfigError
from llm_eval.fingerprint import digest
from llm_eval.metrics.collector import collect
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.registry import nearest
from llm_eval.types import RunInfo

Change = Literal["up", "down", "none"]
Numbers = tuple[RunInfo, Mapping[str, Any]]
"""A run with its summary, or with the metrics of it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One run's value of the metric."""

    run_id: str
    created_at: str
    model: str
    status: str
    git_commit: str | None
    value: float
    low: float | None
    high: float | None
    n: int
    recipe: str
    """Digest of data set, prompt and scorers: values of different ones are not comparable."""
    baseline: str | None = None
    """The name that the run was promoted under."""
    change: Change = "none"
    """Whether the whole interval left that of the model's run before, of the same recipe."""


def history(
    storage: MetricsStorage,
    task: str,
    metric: str | None = None,
    *,
    model: str | None = None,
    tag: tuple[str, str] | None = None,
    since: str | None = None,
    limit: int | None = None,
    part: str | None = None,
) -> tuple[str, list[Moment]]:
    """The metric's name and its values, oldest first.

    Args:
        storage: holds the runs.
        task: as it was asked for.
        metric: None is the first metric of the newest run.
        model: only runs of this model.
        tag: only runs with this tag.
        since: ISO 8601 time in UTC.
        limit: the newest so many runs.
        part: a slice, instead of all samples.

    Raises:
        ConfigError: no run fits, or none has this slice or metric; names the nearest.
    """
    infos = storage.list_runs(limit=limit, task=task, model=model, tag=tag, since=since)
    summaries = [
        (info, info.summary or collect(storage, info.run_id).to_dict())
        for info in infos
        if info.n_done or info.summary
    ]
    if not summaries:
        storage.check_filters(task=task, model=model, tag=tag)
        raise ConfigError(f"no run of task {task!r} fits; llm-eval runs lists them")
    numbers = _within(part, summaries, task)
    name = _name(metric, numbers, task)
    found = [
        _moment(info, metrics[name])
        for info, metrics in numbers
        if name in metrics and metrics[name]["value"] is not None
    ]
    if not found:
        raise ConfigError(f"no run of task {task!r} has a value of metric {name!r} yet")
    names = {promotion.run_id: promotion.name for promotion in storage.baselines.current()}
    marked = (replace(moment, baseline=names.get(moment.run_id)) for moment in reversed(found))
    return name, list(_with_changes(list(marked)))


def _within(part: str | None, summaries: Sequence[Numbers], task: str) -> Sequence[Numbers]:
    """Each run's metrics, over all samples or in a slice."""
    if part is None:
        return [(info, summary["metrics"]) for info, summary in summaries]
    known = {label for _, summary in summaries for label in summary["slices"]}
    if part not in known:
        raise ConfigError(f"no run of task {task!r} has slice {part!r}; {nearest(part, known)}")
    return [(info, summary["slices"].get(part, {})) for info, summary in summaries]


def _name(metric: str | None, numbers: Sequence[Numbers], task: str) -> str:
    """The metric that is meant: the one named, else the first of the newest run."""
    known = list(dict.fromkeys(name for _, metrics in numbers for name in metrics))
    if not known:
        raise ConfigError(f"no run of task {task!r} has a metric")
    if metric is not None and metric not in known:
        hint = nearest(metric, known)
        raise ConfigError(f"no run of task {task!r} has metric {metric!r}; {hint}")
    return known[0] if metric is None else metric


def _moment(info: RunInfo, metric: Mapping[str, Any]) -> Moment:
    recipe = info.recipe
    low, high = metric["ci95"]
    parts = (recipe.get(name) for name in ("dataset_hash", "prompt_hash", "scorers"))
    return Moment(
        info.run_id,
        info.created_at,
        info.model,
        info.status,
        (recipe.get("code") or {}).get("git_commit"),
        metric["value"],
        low,
        high,
        metric["n"],
        digest(list(parts)),
    )


def _with_changes(moments: Sequence[Moment]) -> Iterator[Moment]:
    before: dict[tuple[str, str], Moment] = {}
    for moment in moments:
        earlier = before.get((moment.model, moment.recipe))
        yield replace(moment, change=_change(earlier, moment))
        before[moment.model, moment.recipe] = moment


def _change(earlier: Moment | None, now: Moment) -> Change:
    """Apart by whole intervals: a cautious test for a picture; `compare` gives the verdict."""
    if earlier is None or None in (earlier.low, earlier.high, now.low, now.high):
        return "none"
    if now.high < earlier.low:  # type: ignore[operator]
        return "down"
    return "up" if now.low > earlier.high else "none"  # type: ignore[operator]
