"""Samples a second through parsing and deterministic scoring, on one core."""

import statistics
import time
from collections.abc import Callable

from benchmarks.table import show
from llm_eval.tasks.base import Task
from llm_eval.tasks.build import build_task
from llm_eval.types import ModelResponse, Sample

ROUNDS = 5
GOALS = {"qa": 20_000, "json": 5_000}


def main() -> None:
    """Score every training row, with a right and with a wrong reply."""
    rows = []
    for name, goal in GOALS.items():
        task = build_task(name)
        samples = list(task.samples("train"))
        for kind, pick in (("right", 0), ("another row's", 1)):
            replies = [ModelResponse(task.completion(s), "m") for s in samples]
            replies = replies[pick:] + replies[:pick]
            rates = [_rate(task, samples, replies) for _ in range(ROUNDS)]
            rows.append((name, kind, f"{statistics.median(rates):,.0f}", f"≥ {goal:,}"))
    show(["task", "reply", "samples/s", "goal"], rows)


def _rate(task: Task, samples: list[Sample], replies: list[ModelResponse]) -> float:
    grade: list[Callable[[Sample, object], object]] = [scorer.grade for scorer in task.scorers]  # type: ignore[attr-defined]
    started = time.process_time()
    for sample, reply in zip(samples, replies, strict=True):
        answer = task.parse(sample, reply)
        for score in grade:
            score(sample, answer)
    return len(samples) / (time.process_time() - started)


if __name__ == "__main__":
    main()
