"""`llm-eval runs`: the stored runs, newest first."""

import argparse
from typing import Any

from llm_eval.cli.database import open_storage
from llm_eval.cli.summary import percent
from llm_eval.cli.table import Table
from llm_eval.cli.terminal import clean, output, write_json
from llm_eval.types import RunInfo


def execute(args: argparse.Namespace) -> int:
    """List the runs."""
    with open_storage(args, existing=args.db is not None) as storage:
        runs = storage.list_runs(
            limit=args.limit,
            task=args.task,
            model=args.model,
            status=args.status,
            tag=args.tag,
        )
        if not runs:
            storage.check_filters(task=args.task, model=args.model, tag=args.tag)
    if args.json:
        write_json([_object(info) for info in runs])
    elif not runs:
        output().print(_none(args))
    else:
        _print(runs)
    return 0


def _none(args: argparse.Namespace) -> str:
    if any((args.task, args.model, args.status, args.tag)):
        return "no run fits all of this"
    return "no runs yet; start one with: llm-eval run json qa --limit 20"


def _object(info: RunInfo) -> dict[str, Any]:
    return {
        "run_id": info.run_id,
        "status": info.status,
        "task": info.task,
        "model": info.model,
        "created_at": info.created_at,
        "n_total": info.n_total,
        "n_done": info.n_done,
        "tags": info.tags,
    }


def _print(runs: list[RunInfo]) -> None:
    listing = Table("run", "status", "~task", "~model", ">done", "~first metric", ">value")
    for info in runs:
        listing.add_row(*_row(info))
    listing.print()


def _row(info: RunInfo) -> tuple[str, ...]:
    metric, value = _headline(info)
    return (
        info.run_id,
        info.status,
        clean(info.task),
        clean(info.model),
        f"{info.n_done}/{info.n_total}",
        clean(metric),
        percent(value),
    )


def _headline(info: RunInfo) -> tuple[str, float | None]:
    metrics = (info.summary or {}).get("metrics") or {}
    for name, metric in metrics.items():
        return name, metric["value"]
    return "–", None
