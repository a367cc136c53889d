"""The numbers of runs as rows of an export: one a run, slice and metric."""

from collections.abc import Iterator, Mapping
from typing import Any

from llm_eval.metrics import codec
from llm_eval.metrics.collector import collect
from llm_eval.metrics.export_columns import SUMMARY_COLUMNS
from llm_eval.metrics.export_rows import Row, Selection, Sheet, chosen_runs, run_part
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import RunInfo


def summary_sheet(storage: MetricsStorage, chosen: Selection) -> Sheet:
    """One row a run, slice and metric; the whole run comes first."""
    infos = chosen_runs(storage, chosen)
    rows = (row for info in infos for row in _summary_rows(storage, info, chosen.slice))
    return Sheet(SUMMARY_COLUMNS, rows)


def _summary_rows(storage: MetricsStorage, info: RunInfo, only: str | None) -> Iterator[Row]:
    numbers = info.summary or collect(storage, info.run_id).to_dict()
    code = info.recipe.get("code") or {}
    start = (
        *run_part(info),
        info.finished_at,
        info.status,
        codec.to_json(dict(info.tags)),
        code.get("git_commit"),
        info.recipe.get("dataset_hash"),
        info.recipe.get("model_fingerprint"),
    )
    parts = {None: numbers["metrics"], **numbers["slices"]}
    for label, metrics in parts.items():
        if only is None or label == only:
            for name, metric in metrics.items():
                states = None if label is not None else _judge_states(numbers, name)
                yield (*start, label, name, *_metric_part(metric), *_totals(numbers), states)


def _metric_part(metric: Mapping[str, Any]) -> Row:
    names = ("n", "n_scored", "n_failed", "n_unscored")
    return (
        metric["value"],
        metric["value_scored_only"],
        *metric["ci95"],
        metric["stderr"],
        metric.get("method"),
        *(metric.get(name) for name in names),
    )


def _totals(numbers: Mapping[str, Any]) -> Row:
    usage, latency = numbers["usage"], numbers["latency_s"]
    return (
        usage["prompt_tokens"],
        usage["completion_tokens"],
        usage["cost_usd"],
        latency["p50"],
        latency["p95"],
        numbers["wall_s"],
    )


def _judge_states(numbers: Mapping[str, Any], metric: str) -> str | None:
    """Verdicts by state of the judge that gives a metric, as JSON."""
    blocks = [
        block
        for block in numbers.get("judge", ())
        if metric == block["metric"] or metric.startswith(f"{block['metric']}_")
    ]
    block = max(blocks, key=lambda one: len(one["metric"]), default=None)
    return None if block is None else codec.to_json(block["states"])
