"""`llm-eval tasks`: the tasks that can be named, with their splits and metrics."""

import argparse

from llm_eval.cli.table import Table
from llm_eval.cli.terminal import clean, output, write_json
from llm_eval.registry import names
from llm_eval.tasks.base import Task
from llm_eval.tasks.build import build_task


def execute(args: argparse.Namespace) -> int:
    """List them."""
    tasks = {name: build_task(name) for name in names("tasks")}
    if args.json:
        write_json([_object(name, task) for name, task in tasks.items()])
        return 0
    listing = Table("task", ">version", "splits", "&metrics")
    for name, task in tasks.items():
        listing.add_row(
            clean(name), str(task.version), ", ".join(task.splits), ", ".join(_metrics(task))
        )
    listing.print()
    output().print("or the path of a task YAML: llm-eval run my_task.yaml", style="dim")
    return 0


def _metrics(task: Task) -> list[str]:
    return [metric.name for scorer in task.scorers for metric in scorer.metrics]


def _object(name: str, task: Task) -> dict[str, object]:
    return {
        "task": name,
        "version": task.version,
        "splits": task.splits,
        "metrics": _metrics(task),
    }
