"""Score stored replies again: another judge, rubric or scorer, and not one call of the candidate.

>>> evaluation = rescore(Rescoring(run="latest", judge_model="gpt-4o-mini"), storage)
>>> storage.get_run(evaluation.run_id).recipe["parent"]
"run_20251201_120000_abc123"

The replies are copied into a new run that names its parent; the old one stays as it is. It is a run
like any other: it can be stopped, killed and gone on with, and nothing is scored twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from llm_eval.errors import ConfigError, ProviderError
from llm_eval.event_loop import in_own_loop
from llm_eval.execution import Evaluation, execute_plan
from llm_eval.fingerprint import canonical
from llm_eval.judging import add_judges, with_scorers
from llm_eval.metrics.storage import MetricsStorage, new_run_id
from llm_eval.models.base import BaseModel
from llm_eval.models.budget import Budget
from llm_eval.recipe import code_version
from llm_eval.registry import resolve
from llm_eval.runner import DEFAULT_CONCURRENCY, Evaluate, Job, Observer, Work
from llm_eval.scorers.base import Scorer
from llm_eval.scorers.canaries import PREPARED
from llm_eval.scorers.judge_models import Tally
from llm_eval.scorers.llm_judge import BoundJudge
from llm_eval.scorers.panel import Rule
from llm_eval.tasks.base import Task
from llm_eval.tasks.build import build_task
from llm_eval.types import ModelResponse, Prompt, RunInfo, Sample, SampleResult, Sampling

_ASKED: ContextVar[Prompt | None] = ContextVar("asked", default=None)
"""What the reply that is scored now answers; None before the first of them."""


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

    @property
    def judge_asking(self) -> dict[str, Any]:
        """Options of the judge that were given."""
        given = {"samples": self.judge_samples, "panel": self.judge_panel}
        return {name: value for name, value in given.items() if value is not None}


def rescore(
    asked: Rescoring, storage: MetricsStorage, *, observers: Sequence[Observer] = ()
) -> Evaluation:
    """Score every stored reply of a run again, as a new run.

    Raises:
        ConfigError: a name cannot be used; nothing was spent.
        StoreError: the new run cannot be written.
    """
    plan = prepare_rescoring(asked, storage)
    return in_own_loop(lambda: execute_plan(plan, storage, observers=observers))


def prepare_rescoring(asked: Rescoring, storage: MetricsStorage) -> "RescoringPlan":
    """Build every part of `asked`.

    Raises:
        ConfigError: a name cannot be used, or the run has nothing to score again.
    """
    parent = storage.get_run(asked.run)
    if parent.n_done == 0:
        raise ConfigError(f"run {parent.run_id} has no results to score again")
    task = build_task(parent.task)
    if asked.scorers:
        task = with_scorers(task, [_scorer(name) for name in asked.scorers])
    budget = Budget(asked.max_cost_usd)
    task, judges = add_judges(
        task,
        judge_model=asked.judge_model,
        rubric=asked.rubric,
        asking=asked.judge_asking,
        cache=storage.cache() if asked.cache else None,
        budget=budget,
    )
    task = with_scorers(task, [_shown_what_was_asked(scorer) for scorer in task.scorers])
    asked = replace(asked, run=parent.run_id)
    return RescoringPlan(asked, parent, task, judges, budget, storage)


def resume_rescoring(info: RunInfo) -> Rescoring:
    """What a stored rescoring was asked for with.

    Raises:
        ConfigError: the run is no rescoring.
    """
    stored = info.recipe.get("rescoring")
    if stored is None:
        raise ConfigError(
            f"run {info.run_id} is no rescoring; go on with: llm-eval run --resume {info.run_id}"
        )
    return msgspec.convert({"run": info.recipe["parent"], **stored}, Rescoring)


@dataclass(frozen=True, slots=True)
class RescoringPlan:
    """A rescoring whose parts are built: nothing is spent yet."""

    asked: Rescoring
    parent: RunInfo
    task: Task
    judges: tuple[Tally, ...]
    budget: Budget
    storage: MetricsStorage = field(repr=False)

    @property
    def task_spec(self) -> str:
        """The task as it was named."""
        return self.parent.task

    @property
    def model_spec(self) -> str:
        """The candidate as it was named."""
        return self.parent.model

    @property
    def models(self) -> Sequence[BaseModel]:
        """The judges: the candidate is not asked."""
        return [judge.inner for judge in self.judges]

    @property
    def split(self) -> str:
        """Where the parent's samples came from."""
        return str(self.parent.recipe.get("split", "test"))

    @property
    def n_total(self) -> int:
        """Results that the parent has."""
        return self.parent.n_done

    @property
    def recipe(self) -> dict[str, Any]:
        """The parent's, but for what scores."""
        kept = {k: v for k, v in self.parent.recipe.items() if k not in ("request", PREPARED)}
        scorers = self.task.scorers
        recipe: dict[str, Any] = {
            **kept,
            "task_version": self.task.version,
            "scorers": [scorer.recipe for scorer in scorers],
            "metrics": [metric for scorer in scorers for metric in scorer.metrics],
            "parent": self.parent.run_id,
            "rescoring": self.asked,
            "code": code_version(),
        }
        # Through JSON: a recipe that is read back must equal one that was just made.
        decoded: dict[str, Any] = msgspec.json.decode(canonical(recipe))
        return decoded

    def with_task(self, task: Task) -> "RescoringPlan":
        """The same with another task, such as one whose judges are settled."""
        return replace(self, task=task)

    def new_run(self) -> RunInfo:
        """The run, before it is stored."""
        now = datetime.now(UTC)
        return RunInfo(
            run_id=new_run_id(now),
            task=self.parent.task,
            model=self.parent.model,
            created_at=now.isoformat(timespec="seconds"),
            recipe=self.recipe,
            n_total=self.parent.n_total,
            tags={**self.parent.tags, **self.asked.tags},
        )

    def job(self, run_id: str) -> Job:
        """What the engine runs."""
        return Job(
            run_id,
            self.task,
            _StoredReplies(self.parent),
            Sampling(),
            self.split,
            n_samples=self.parent.n_done,
            concurrency=self.asked.concurrency,
            around=_as_asked_then,
            remaining=lambda: self._remaining(run_id),
        )

    def _remaining(self, run_id: str) -> Iterator[Work]:
        """Results of the parent that have no new scores yet, in the order of the dataset."""
        epochs = self.parent.recipe.get("epochs", 1)
        done = bytearray(self.parent.n_total)
        for index, epoch in self.storage.done(run_id):
            done[index * epochs + epoch] = 1
        for row in self.storage.results(self.parent.run_id):
            if not done[row.index * epochs + row.epoch]:
                yield _work(row)


class _StoredReplies(BaseModel):
    """The candidate of a rescoring, whose replies are stored: it is asked for none."""

    def __init__(self, parent: RunInfo) -> None:
        self.name = parent.model
        self._identity: Mapping[str, Any] = parent.recipe.get("model", {})

    @property
    def identity(self) -> Mapping[str, Any]:
        """The candidate's."""
        return self._identity

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """It is asked only where its reply should be there.

        Raises:
            ProviderError: always.
        """
        raise ProviderError("its reply is not stored any more", code="lost")


def _work(row: SampleResult) -> Work:
    response = row.response
    if response is not None:
        cost = None if response.cost_usd is None else 0.0
        response = replace(response, cached=True, cost_usd=cost)
    return Work(row.index, row.epoch, row.sample, response, row.prompt, row.failure)


def _shown_what_was_asked(scorer: Scorer) -> Scorer:
    """A judge is shown what the candidate was asked then, whatever the task would ask now."""
    if not isinstance(scorer, BoundJudge):
        return scorer
    today = scorer.question

    def question(sample: Sample) -> Prompt:
        asked = _ASKED.get()
        return today(sample) if asked is None else asked

    return replace(scorer, question=question)


def _as_asked_then(evaluate: Evaluate) -> Evaluate:
    async def evaluate_again(job: Job, work: Work) -> SampleResult:
        _ASKED.set(work.prompt)
        return await evaluate(job, work)

    return evaluate_again


def _scorer(name: str) -> Scorer:
    made: Scorer = resolve("scorers", name.strip())()
    return made
