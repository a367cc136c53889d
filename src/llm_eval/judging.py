"""A run that is judged: which judges, asked how, and what is said of them afterwards.

task, judges = add_judges(task, judge_model="gpt-4o-mini", rubric=None, …)   before the run
task, canaries = await make_ready(task, "test")                              judges are started
judge_blocks(task, results, candidate, canaries)                             after it
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from llm_eval.errors import ConfigError
from llm_eval.models.base import BaseModel
from llm_eval.models.budget import Budget
from llm_eval.models.caching import ResponseCache
from llm_eval.scorers.base import Scorer
from llm_eval.scorers.canaries import N_SAMPLES, CanaryReport, release
from llm_eval.scorers.judge_models import Tally, build_judges
from llm_eval.scorers.judge_report import JudgeReport
from llm_eval.scorers.llm_judge import BoundJudge, LLMJudge
from llm_eval.scorers.settling import settle, settled_as
from llm_eval.tasks.base import Task
from llm_eval.types import SampleResult

T = TypeVar("T", bound=Task)
Canaries = Mapping[str, CanaryReport]
"""By the judge's metric."""
RUBRICS = {"json": "json_extraction"}
"""Of tasks whose answers are no short texts."""


def add_judges(
    task: T,
    *,
    judge_model: str | None,
    rubric: str | None,
    asking: Mapping[str, Any] | None = None,
    cache: ResponseCache | None,
    budget: Budget,
    known: Mapping[str, BaseModel] | None = None,
) -> tuple[T, tuple[Tally, ...]]:
    """`task` with a judge among its scorers, and the judges' models.

    A judge that the task names gets the models; where it names none, one is added.

    Args:
        task: whose replies are judged.
        judge_model: SPEC, or several with commas; None: no judge.
        rubric: a preset or a path; None: the task's own, else the one that suits it.
        asking: further options of the judge that is added: `samples`, `panel`.
        cache: where replies are remembered.
        budget: shared with the candidate.
        known: models that are built already, by SPEC.

    Raises:
        ConfigError: a judge has no model, or something named cannot be used.
    """
    named = [scorer for scorer in task.scorers if isinstance(scorer, LLMJudge)]
    if judge_model is None:
        if named or rubric is not None:
            why = "--rubric is given" if rubric is not None else f"task {task.name!r} has llm_judge"
            raise ConfigError(f"{why}, but no model to judge with: give --judge-model SPEC")
        return task, ()
    judges = build_judges(judge_model, cache=cache, budget=budget, known=known)
    scorers = list(task.scorers)
    if not named:
        suiting = rubric or RUBRICS.get(task.name, "qa_correctness")
        scorers.append(LLMJudge(rubric=suiting, **(asking or {})))
    elif rubric is not None or asking:
        flag = "--rubric" if rubric is not None else f"--judge-{next(iter(asking or {}))}"
        raise ConfigError(f"task {task.name!r} names its own judge; {flag} cannot change it")
    bound = [s.bind(judges, task.prompt) if isinstance(s, LLMJudge) else s for s in scorers]
    _check_metrics(bound)
    return with_scorers(task, bound), judges


async def make_ready(
    task: T, split: str, *, recipe: Mapping[str, Any] | None = None
) -> tuple[T, Canaries]:
    """`task` with its judges' scale settled, and what the canaries told.

    Args:
        task: its judges' models are started.
        split: where the canaries' samples come from.
        recipe: of the run that is gone on with; it keeps its scale.

    Raises:
        ConfigError: a judge cannot be used at all.
        BudgetExceededError: nothing more may be spent.
    """
    if not bound_judges(task):
        return task, {}
    samples = list(islice(task.samples(split), N_SAMPLES))
    before = _judge_recipes(recipe)
    ready: list[Scorer] = []
    reports: dict[str, CanaryReport] = {}
    for scorer in task.scorers:
        if isinstance(scorer, BoundJudge):
            metric = scorer.options.metric
            if metric in before:
                scorer = settled_as(scorer, before[metric])
            else:
                scorer = await settle(scorer, samples)
            reports[metric] = await release(scorer, samples)
        ready.append(scorer)
    return with_scorers(task, ready), reports


def judge_blocks(
    task: Task,
    results: Iterable[SampleResult],
    candidate: str,
    canaries: Canaries,
    *,
    earlier: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """What the run's summary says of each judge.

    Args:
        task: as it was run.
        results: all of the run's.
        candidate: the model that was judged.
        canaries: from `make_ready`.
        earlier: the blocks of an interrupted part of the run, whose calls count too.
    """
    judges = bound_judges(task)
    reports = [JudgeReport(judge) for judge in judges]
    for result in results:
        for report in reports:
            report.add(result)
    before = {block["metric"]: block for block in earlier}
    return [
        report.to_dict(
            candidate, canaries.get(judge.options.metric), before.get(judge.options.metric)
        )
        for judge, report in zip(judges, reports, strict=True)
    ]


def bound_judges(task: Task) -> list[BoundJudge]:
    """The judges among a task's scorers."""
    return [scorer for scorer in task.scorers if isinstance(scorer, BoundJudge)]


def with_scorers(task: T, scorers: Sequence[Scorer]) -> T:
    """A copy of `task` that is scored by `scorers`; everything else is shared."""
    made = copy.copy(task)
    made.scorers = tuple(scorers)
    return made


def _check_metrics(scorers: Sequence[Scorer]) -> None:
    names = [metric.name for scorer in scorers for metric in scorer.metrics]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(
            f"two scorers have a metric {twice!r}; give llm_judge another name with `metric: …`"
        )


def _judge_recipes(recipe: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    scorers = (recipe or {}).get("scorers", ())
    return {s["metric"]: s for s in scorers if s["name"] == LLMJudge.name}
