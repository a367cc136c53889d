"""Executing what is planned: judges are made ready, samples worked off, numbers made of them.

>>> plan = prepare(Request(task="qa", model="local/smollm2-135m"), storage)
>>> await execute_plan(plan, storage)
Evaluation(run_id='run_…', …)
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, Self

import msgspec

from llm_eval.judging import Preparations, bound_judges, judge_blocks, make_ready
from llm_eval.metrics.collector import MetricSummary, RunSummary, collect
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.base import BaseModel
from llm_eval.models.budget import Budget
from llm_eval.observability.tracer import tracer_from_environment
from llm_eval.recipe import check_resumable
from llm_eval.runner import Job, Observer, Outcome, run
from llm_eval.scorers.canaries import PREPARED
from llm_eval.tasks.base import Task
from llm_eval.tracing import traced, traced_canaries
from llm_eval.types import RunInfo, RunStatus, SampleResult

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


class Executable(Protocol):
    """A run that is prepared, of which nothing is spent yet: an evaluation, or a rescoring."""

    @property
    def task(self) -> Task:
        """What is evaluated; its judges are bound."""

    @property
    def task_spec(self) -> str:
        """The task as it was named."""

    @property
    def model_spec(self) -> str:
        """The candidate as it was named."""

    @property
    def models(self) -> Sequence[BaseModel]:
        """All that are asked: started before the run, closed after it. One may stand twice."""

    @property
    def budget(self) -> Budget:
        """What they share."""

    @property
    def split(self) -> str:
        """Where samples come from."""

    @property
    def n_total(self) -> int:
        """Samples × epochs that are worked off."""

    @property
    def recipe(self) -> Mapping[str, Any]:
        """All that produces the numbers."""

    def with_task(self, task: Task) -> Self:
        """The same with another `task`."""

    def new_run(self) -> RunInfo:
        """The run, before it is stored."""

    def job(self, run_id: str) -> Job:
        """What the engine runs."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run that ended: its numbers, and its rows where they are stored."""

    run_id: str
    outcome: Outcome
    summary: RunSummary
    storage: MetricsStorage = field(repr=False)

    @property
    def status(self) -> RunStatus:
        """How far it got: complete, incomplete or interrupted."""
        return self.summary.status

    @property
    def metrics(self) -> Mapping[str, MetricSummary]:
        """Headline value, interval and counts of each metric."""
        return self.summary.metrics

    def results(self, *, failures: bool = False) -> Iterator[SampleResult]:
        """Every sample's result in dataset order, read from the store as it is consumed."""
        return self.storage.results(self.run_id, failures=failures)

    def rows(self) -> Iterator[dict[str, Any]]:
        """One flat row a sample: ids, slice, status, reply, answer, a column for each metric."""
        for result in self.results():
            yield _row(result)

    def to_pandas(self) -> "pd.DataFrame":
        """`rows()` as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def to_polars(self) -> "pl.DataFrame":
        """`rows()` as a polars frame."""
        import polars as pl

        return pl.DataFrame(list(self.rows()), infer_schema_length=None)


async def execute_plan(
    plan: Executable,
    storage: MetricsStorage,
    *,
    observers: Sequence[Observer] = (),
    stop: asyncio.Event | None = None,
    resume: RunInfo | None = None,
) -> Evaluation:
    """Run `plan`, or go on with the run `resume` that was started from the same request."""
    stop = stop or asyncio.Event()
    passing = asyncio.create_task(_pass_on(stop, plan.budget))
    tracer = tracer_from_environment()
    models = {id(model): model for model in plan.models}
    try:
        for model in models.values():
            await model.start()
        task, prepared = await make_ready(
            plan.task,
            plan.split,
            recipe=resume.recipe if resume else None,
            watch=traced_canaries(plan.task.name, tracer),
        )
        plan = plan.with_task(task)
        info = _reopen(resume, plan, storage) if resume else _open(plan, storage, prepared)
        started = perf_counter()
        with traced(plan.job(info.run_id), info, tracer) as job:
            outcome = await run(job, storage, observers=observers, stop=stop)
        blocks = _judged(plan, info, storage, prepared)
        return _close(info, outcome, storage, perf_counter() - started, blocks)
    finally:
        passing.cancel()
        for model in models.values():
            await model.aclose()
        if tracer is not None:
            tracer.close()


async def _pass_on(stop: asyncio.Event, budget: Budget) -> None:
    """Whoever waits before a call is told to stop, too."""
    await stop.wait()
    budget.stop()


def _open(plan: Executable, storage: MetricsStorage, prepared: Preparations) -> RunInfo:
    info = plan.new_run()
    if prepared:
        judges = {PREPARED: msgspec.to_builtins(prepared)}
        info = replace(info, recipe={**info.recipe, **judges})
    storage.create_run(info)
    return info


def _reopen(info: RunInfo, plan: Executable, storage: MetricsStorage) -> RunInfo:
    check_resumable(info.run_id, info.recipe, plan.recipe)
    storage.update_run(info.run_id, status="running")
    return info


def _judged(
    plan: Executable, info: RunInfo, storage: MetricsStorage, prepared: Preparations
) -> list[dict[str, Any]]:
    """What the summary says of the run's judges; nothing is read where there are none."""
    if not bound_judges(plan.task):
        return []
    return judge_blocks(plan.task, storage.results(info.run_id), info.model, prepared)


def _close(
    info: RunInfo,
    outcome: Outcome,
    storage: MetricsStorage,
    wall_s: float,
    judge: Sequence[Mapping[str, Any]] = (),
) -> Evaluation:
    storage.update_run(
        info.run_id,
        status=_status(info, outcome, storage),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    summary = replace(collect(storage, info.run_id, wall_s=wall_s), judge=judge)
    storage.update_run(info.run_id, summary=summary.to_dict())
    return Evaluation(info.run_id, outcome, summary, storage)


def _status(info: RunInfo, outcome: Outcome, storage: MetricsStorage) -> RunStatus:
    if outcome.ending == "interrupted":
        return "interrupted"
    if outcome.ending != "finished" or outcome.n_failed:
        return "incomplete"
    # A rescoring finishes what its run has, which may not be all.
    whole = storage.get_run(info.run_id).n_done == info.n_total
    return "complete" if whole else "incomplete"


def _row(result: SampleResult) -> dict[str, Any]:
    sample, response = result.sample, result.response
    return {
        "index": result.index,
        "epoch": result.epoch,
        "sample_id": sample.id,
        "slice": sample.slice,
        "status": result.status,
        "expected": msgspec.json.encode(sample.target).decode(),
        "reply": response.text if response else None,
        "parse_error": result.parse_error,
        "error": result.failure.message if result.failure else None,
        "latency_s": response.latency_s if response else None,
        "cost_usd": response.cost_usd if response else None,
        **{score.metric: getattr(score, "value", None) for score in result.scores},
    }
