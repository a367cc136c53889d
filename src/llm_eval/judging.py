"""A run that is judged: which judges, asked how, and what is said of them afterwards.

task, judges = add_judges(task, judge_model="gpt-4o-mini", rubric=None, …)   before the run
task, prepared = await make_ready(task, "test")                              judges are started
judge_blocks(task, results, candidate, prepared)                             after it
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import msgspec

from llm_eval.errors import ConfigError
from llm_eval.models.base import BaseModel
from llm_eval.models.budget import Budget
from llm_eval.models.caching import ResponseCache
from llm_eval.scorers.base import Scorer
from llm_eval.scorers.canaries import N_SAMPLES, PREPARED, CanaryReport, release
from llm_eval.scorers.judge_models import Taken, Tally, build_judges, counting
from llm_eval.scorers.judge_report import JudgeReport
from llm_eval.scorers.llm_judge import BoundJudge, LLMJudge
from llm_eval.scorers.settling import settle, settled_as
from llm_eval.tasks.base import Task
from llm_eval.types import SampleResult

T = TypeVar("T", bound=Task)


@dataclass(frozen=True, slots=True)
class Preparation:
    """What was found out about a judge before the first sample; kept in the run's recipe."""

    canaries: CanaryReport
    usage: Mapping[str, Taken]
    """What it took, by the judge's name."""


Preparations = Mapping[str, Preparation]
"""By the judge's metric."""
Watch = Callable[[BoundJudge], AbstractContextManager[BoundJudge]]
"""Gives the judge that is asked within the block: the same, with something around its calls."""
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
    task: T,
    split: str,
    *,
    recipe: Mapping[str, Any] | None = None,
    watch: Watch = nullcontext,
) -> tuple[T, Preparations]:
    """`task` with its judges' scale settled, and what the canaries told.

    A run that is gone on with asks nothing here: all is in its recipe.

    Args:
        task: its judges' models are started.
        split: where the canaries' samples come from.
        recipe: of the run that is gone on with; it keeps its scale.
        watch: put around each judge while canaries are put before it.

    Raises:
        ConfigError: a judge cannot be used at all.
        BudgetExceededError: nothing more may be spent.
    """
    if not bound_judges(task):
        return task, {}
    samples = list(islice(task.samples(split), N_SAMPLES))
    before = _judge_recipes(recipe)
    known = msgspec.convert((recipe or {}).get(PREPARED, {}), dict[str, Preparation])
    ready: list[Scorer] = []
    prepared: dict[str, Preparation] = {}
    for scorer in task.scorers:
        if isinstance(scorer, BoundJudge):
            metric = scorer.options.metric
            with counting() as usage:
                if metric in before:
                    scorer = settled_as(scorer, before[metric])
                else:
                    scorer = await settle(scorer, samples)
                if metric not in known:
                    with watch(scorer) as watched:
                        known[metric] = Preparation(await release(watched, samples), usage)
            prepared[metric] = known[metric]
        ready.append(scorer)
    return with_scorers(task, ready), prepared


def judge_blocks(
    task: Task,
    results: Iterable[SampleResult],
    candidate: str,
    prepared: Preparations,
) -> list[dict[str, Any]]:
    """What the run's summary says of each judge.

    Args:
        task: as it was run.
        results: all of the run's.
        candidate: the model that was judged.
        prepared: from `make_ready`.
    """
    judges = bound_judges(task)
    reports = [JudgeReport(judge) for judge in judges]
    for result in results:
        for report in reports:
            report.add(result)
    found = [prepared[judge.options.metric] for judge in judges]
    return [
        report.to_dict(candidate, one.canaries, one.usage)
        for report, one in zip(reports, found, strict=True)
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
