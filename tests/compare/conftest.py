"""Runs whose every score is known, stored as a real run is."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from llm_eval.fingerprint import identify
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import (
    Failure,
    Message,
    ModelResponse,
    RunInfo,
    SampleResult,
    Score,
    Unscored,
    Usage,
)

Value = float | None | str
"""A score; None is unscored; "failed" has no reply; "absent" has no result."""
MakeRun = Callable[..., RunInfo]

RECIPE: Mapping[str, Any] = {
    "task": "qa",
    "task_version": 1,
    "split": "test",
    "dataset_hash": "d1",
    "prompt_hash": "p1",
    "scorers": [{"name": "exact_match", "version": 1}],
    "metrics": [{"name": "exact_match", "kind": "rate", "worst": 0.0, "best": 1.0}],
    "model": {"name": "m", "revision": "1"},
    "sampling": {"temperature": 0.0},
}


def _result(index: int, epoch: int, values: Sequence[Value], options: Mapping[str, Any]) -> Any:
    metrics = [metric["name"] for metric in options["recipe"]["metrics"]]
    label = options["labels"][index] if options["labels"] else None
    clusters = options["clusters"]
    content = options["order"][index] if options["order"] else index
    sample = identify(
        "qa",
        options["ids"][index] if options["ids"] else f"s{index}",
        {"q": content},
        f"target {content}",
        slice=label,
        cluster=clusters[index] if clusters else None,
    )
    scores: tuple[Score | Unscored, ...] = tuple(
        Unscored(metric, "no judge") if value is None else Score(metric, float(value))
        for metric, value in zip(metrics, values, strict=True)
        if value != "failed"
    )
    failed = "failed" in values
    reply = options["reply"](index) if callable(options["reply"]) else options["reply"]
    response = ModelResponse(
        reply, "m", usage=Usage(100, options["tokens"]), latency_s=0.5, cost_usd=options["cost"]
    )
    return SampleResult(
        index,
        epoch,
        sample,
        (Message("user", f"question {index}"),),
        None if failed else response,
        scores=() if failed else scores,
        failure=Failure("provider", "timeout", "took too long") if failed else None,
    )


@pytest.fixture
def make_run(storage: MetricsStorage) -> MakeRun:
    """Stores a run: `make_run([1, 0, None, "failed"])`, one value a sample and metric."""
    numbers = itertools.count()

    def make(
        scores: Sequence[Any],
        *,
        epochs: Sequence[Sequence[Value]] | None = None,
        labels: Sequence[str] | None = None,
        clusters: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
        order: Sequence[int] | None = None,
        reply: str | Callable[[int], str] = "some reply",
        tokens: int = 10,
        cost: float | None = 0.001,
        status: str | None = None,
        name: str = "m",
        tags: Mapping[str, str] | None = None,
        **recipe: Any,
    ) -> RunInfo:
        options: dict[str, Any] = {
            "recipe": {**RECIPE, **recipe},
            "labels": labels,
            "clusters": clusters,
            "ids": ids,
            "order": order,
            "reply": reply,
            "tokens": tokens,
            "cost": cost,
        }
        rows = [value if isinstance(value, list | tuple) else [value] for value in scores]
        tries = epochs or [[] for _ in rows]
        n_total = sum(1 + len(more) for more in tries)
        run_id = f"run_20260101_{next(numbers):06}_aaaaaa"
        created = f"2026-01-01T00:00:00.{next(numbers):06}+00:00"
        storage.create_run(
            RunInfo(
                run_id, "qa", name, created, options["recipe"], n_total=n_total, tags=tags or {}
            )
        )

        async def write() -> None:
            async with storage.writer(run_id) as writer:
                for index, values in enumerate(rows):
                    if values == ["absent"]:
                        continue
                    for epoch, tried in enumerate([values, *([v] for v in tries[index])]):
                        await writer.put_result(_result(index, epoch, tried, options))

        asyncio.run(write())
        everything = [value for values in rows for value in values]
        broken = "failed" in everything or "absent" in everything
        done = "incomplete" if broken else "complete"
        storage.update_run(run_id, status=status or done)  # type: ignore[arg-type]
        return storage.get_run(run_id)

    return make
