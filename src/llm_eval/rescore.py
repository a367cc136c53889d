"""Score stored replies again: another judge, rubric or scorer, and not one call of the candidate.

>>> evaluation = rescore(Rescoring(run="latest", judge_model="gpt-4o-mini"), storage)
>>> storage.get_run(evaluation.run_id).recipe["parent"]
"run_20251201_120000_abc123"

The replies are copied into a new run that names its parent; the old one stays as it is.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import msgspec

from llm_eval.errors import BudgetExceededError, ConfigError
from llm_eval.evaluation import Evaluation
from llm_eval.event_loop import in_own_loop
from llm_eval.grading import grade
from llm_eval.judging import add_judges, bound_judges, judge_blocks, make_ready, with_scorers
from llm_eval.metrics.collector import collect
from llm_eval.metrics.storage import MetricsStorage, new_run_id
from llm_eval.metrics.writer import RunWriter
from llm_eval.models.budget import Budget
from llm_eval.recipe import code_version
from llm_eval.registry import resolve
from llm_eval.runner import DEFAULT_CONCURRENCY, Observer, Outcome
from llm_eval.scorers.base import Scorer
from llm_eval.scorers.judge_models import Tally
from llm_eval.scorers.llm_judge import BoundJudge
from llm_eval.scorers.panel import Rule
from llm_eval.scorers.pool import ScoringPool
from llm_eval.tasks.base import Task
from llm_eval.tasks.build import build_task
from llm_eval.types import RunInfo, RunStatus, SampleResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescoring:
    """What is scored again, and by what."""

    run: str
    """Id, beginning of one, `latest`, or a tag."""
    judge_model: str | None = None
    rubric: str | None = None
    judge_samples: int | None = None
    judge_panel: Rule | None = None
    scorers: Sequence[str] = ()
    """Registered names; none: the task's own."""
    concurrency: int = DEFAULT_CONCURRENCY
    cache: bool = True
    max_cost_usd: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Plan:
    asked: Rescoring
    parent: RunInfo
    task: Task
    judges: tuple[Tally, ...]


def rescore(
    asked: Rescoring, storage: MetricsStorage, *, observers: Sequence[Observer] = ()
) -> Evaluation:
    """Score every stored reply of a run again, as a new run.

    Raises:
        ConfigError: a name cannot be used; nothing was spent.
        StoreError: the new run cannot be written.
    """
    plan = _prepare(asked, storage)
    return in_own_loop(lambda: _execute(plan, storage, observers))


def _prepare(asked: Rescoring, storage: MetricsStorage) -> _Plan:
    parent = storage.get_run(asked.run)
    if parent.n_done == 0:
        raise ConfigError(f"run {parent.run_id} has no results to score again")
    task = build_task(parent.task)
    if asked.scorers:
        task = with_scorers(task, [_scorer(name) for name in asked.scorers])
    given = {"samples": asked.judge_samples, "panel": asked.judge_panel}
    task, judges = add_judges(
        task,
        judge_model=asked.judge_model,
        rubric=asked.rubric,
        asking={name: value for name, value in given.items() if value is not None},
        cache=storage.cache() if asked.cache else None,
        budget=Budget(asked.max_cost_usd),
    )
    return _Plan(asked, parent, task, judges)


async def _execute(
    plan: _Plan, storage: MetricsStorage, observers: Sequence[Observer]
) -> Evaluation:
    started = perf_counter()
    try:
        for judge in plan.judges:
            await judge.start()
        split = plan.parent.recipe.get("split", "test")
        task, prepared = await make_ready(plan.task, split)
        plan = replace(plan, task=task)
        info = _open(plan, storage)
        outcome = await _score_all(plan, info, storage, observers)
    finally:
        for judge in plan.judges:
            await judge.aclose()
    storage.update_run(info.run_id, status=_status(plan, outcome), finished_at=_now())
    rows = storage.results(info.run_id) if bound_judges(task) else ()
    blocks = judge_blocks(task, rows, info.model, prepared)
    summary = collect(storage, info.run_id, wall_s=perf_counter() - started)
    summary = replace(summary, judge=blocks)
    storage.update_run(info.run_id, summary={**summary.to_dict(), "parent": plan.parent.run_id})
    return Evaluation(info.run_id, outcome, summary, storage)


def _open(plan: _Plan, storage: MetricsStorage) -> RunInfo:
    now = datetime.now(UTC)
    scorers = plan.task.scorers
    recipe: dict[str, Any] = {
        **plan.parent.recipe,
        "task_version": plan.task.version,
        "scorers": [scorer.recipe for scorer in scorers],
        "metrics": [metric for scorer in scorers for metric in scorer.metrics],
        "parent": plan.parent.run_id,
        "rescoring": {"judge_model": plan.asked.judge_model, "rubric": plan.asked.rubric},
        "code": code_version(),
    }
    info = RunInfo(
        run_id=new_run_id(now),
        task=plan.parent.task,
        model=plan.parent.model,
        created_at=now.isoformat(timespec="seconds"),
        recipe=msgspec.to_builtins(recipe),
        n_total=plan.parent.n_total,
        tags={**plan.parent.tags, **plan.asked.tags},
    )
    storage.create_run(info)
    return info


async def _score_all(
    plan: _Plan, info: RunInfo, storage: MetricsStorage, observers: Sequence[Observer]
) -> Outcome:
    rows = storage.results(plan.parent.run_id)
    async with storage.writer(info.run_id) as writer, ScoringPool() as pool:
        work = _Work(plan, rows, writer, pool, observers)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(plan.asked.concurrency, plan.parent.n_done)):
                group.create_task(work.work_off())
    return Outcome("finished" if work.reason is None else "budget", work.reason, work.n_failed)


class _Work:
    """What the workers of one rescoring share."""

    def __init__(
        self,
        plan: _Plan,
        rows: Iterator[SampleResult],
        writer: RunWriter,
        pool: ScoringPool,
        observers: Sequence[Observer],
    ) -> None:
        self._plan, self._rows, self._writer = plan, rows, writer
        self._pool, self._observers = pool, observers
        self.n_failed = 0
        self.reason: str | None = None

    async def work_off(self) -> None:
        """Take stored results until there are none left, or the budget is spent."""
        while self.reason is None and (row := next(self._rows, None)) is not None:
            try:
                result = await _scored_again(self._plan.task, row, self._pool)
            except BudgetExceededError as exc:
                self.reason = str(exc)
                return
            self.n_failed += result.failure is not None
            await self._writer.put_result(result)
            for observer in self._observers:
                observer.on_result(result)


async def _scored_again(task: Task, row: SampleResult, pool: ScoringPool) -> SampleResult:
    """A stored result under the new scorers; one without a reply stays failed."""
    if row.response is None:
        return row
    # The judge is shown what the candidate was asked then, whatever the task would ask now.
    scorers = [
        replace(scorer, question=lambda _sample: row.prompt)
        if isinstance(scorer, BoundJudge)
        else scorer
        for scorer in task.scorers
    ]
    response = replace(
        row.response, cached=True, cost_usd=None if row.response.cost_usd is None else 0.0
    )
    graded = await grade(with_scorers(task, scorers), row.sample, response, pool)
    return replace(
        row,
        response=response,
        answer=graded.answer,
        parse_error=graded.parse_error,
        scores=graded.scores,
    )


def _status(plan: _Plan, outcome: Outcome) -> RunStatus:
    whole = plan.parent.n_done == plan.parent.n_total
    done = outcome.ending == "finished" and outcome.n_failed == 0
    return "complete" if done and whole else "incomplete"


def _scorer(name: str) -> Scorer:
    made: Scorer = resolve("scorers", name.strip())()
    return made


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
