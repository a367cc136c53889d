"""What a model card tells, gathered: the adapter, its runs, and its base's on the same samples."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llm_eval.compare.comparability import check_comparable
from llm_eval.compare.comparison import Comparison, compare_runs
from llm_eval.errors import ConfigError, IncomparableError
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.adapter_files import AdapterFiles
from llm_eval.types import RunInfo

_NEWEST = 500
"""Runs that are looked through for those of an adapter."""


@dataclass(frozen=True, slots=True)
class Card:
    """Everything that the card of one adapter says."""

    adapter: AdapterFiles
    runs: Sequence[RunInfo]
    """Complete runs of the adapter, one a task and split."""
    comparisons: Sequence[Comparison] = ()
    """Each of a run of `runs` with one of the base."""
    licence: str | None = None
    """SPDX identifier of the base's licence, which the adapter inherits."""


def gather(
    storage: MetricsStorage,
    adapter: AdapterFiles,
    *,
    runs: Sequence[str] = (),
    baselines: Sequence[str] = (),
    licence: str | None = None,
) -> Card:
    """The card's content from a run database.

    Args:
        storage: holds the runs.
        adapter: whose card it is.
        runs: its runs, by id; none: the newest complete run of each task and split.
        baselines: runs of its base, by id; none: the newest that each run can be compared with.
        licence: of the base.

    Raises:
        ConfigError: a run is not the adapter's or not complete, or a baseline fits none of them.
    """
    known = storage.list_runs(limit=_NEWEST)
    own = [_named(storage, adapter, ref) for ref in runs] or list(_newest(known, adapter))
    pairs = (
        [_partner(storage.get_run(ref), own) for ref in baselines]
        if baselines
        else [(found, run) for run in own if (found := _base_run(known, run)) is not None]
    )
    compared = [compare_runs(storage, before, [after])[0] for before, after in pairs]
    return Card(adapter, own, compared, licence)


def _newest(known: Iterable[RunInfo], adapter: AdapterFiles) -> Iterable[RunInfo]:
    seen: set[tuple[object, object]] = set()
    for info in known:
        kind = (info.recipe.get("task"), info.recipe.get("split"))
        if info.status == "complete" and kind not in seen and _is_of(info, adapter):
            seen.add(kind)
            yield info


def _is_of(info: RunInfo, adapter: AdapterFiles) -> bool:
    return (info.recipe.get("model") or {}).get("adapter") == adapter.digest


def _named(storage: MetricsStorage, adapter: AdapterFiles, ref: str) -> RunInfo:
    info = storage.get_run(ref)
    if not _is_of(info, adapter):
        raise ConfigError(
            f"run {info.run_id} is not of adapter {adapter.path}, whose digest is "
            f"{adapter.digest[:12]}: was it trained again since?"
        )
    if info.status != "complete":
        raise ConfigError(f"run {info.run_id} is {info.status}; a card takes complete runs")
    return info


def _base_run(known: Iterable[RunInfo], run: RunInfo) -> RunInfo | None:
    """The newest run of the same base without an adapter, on the same samples."""
    model = run.recipe.get("model") or {}
    for info in known:
        other = info.recipe.get("model") or {}
        same = all(other.get(name) == model.get(name) for name in ("provider", "base"))
        alone = same and other.get("adapter") is None
        if alone and info.status == "complete" and _comparable(info, run):
            return info
    return None


def _comparable(before: RunInfo, after: RunInfo) -> bool:
    try:
        check_comparable(before.recipe, after.recipe)
    except IncomparableError:
        return False
    return True


def _partner(before: RunInfo, own: Sequence[RunInfo]) -> tuple[RunInfo, RunInfo]:
    for after in own:
        if _comparable(before, after):
            return before, after
    raise ConfigError(
        f"baseline {before.run_id} cannot be compared with any run of the adapter: they need the "
        "same task, split, samples and scorers"
    )
