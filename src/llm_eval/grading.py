"""From a reply to scores: parse once, ask every scorer, and blame the right one for a failure.

reply → answer            → each scorer's Score | Unscored
      → no answer         → Metric.worst for every metric, flagged (the model's fault)
scorer or judge breaks    → Unscored for its metrics (nobody's zero)
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from llm_eval.errors import BudgetExceededError, EvalError, ParseError, ScorerError, boundary
from llm_eval.scorers.base import Scorer, Scores
from llm_eval.scorers.pool import ScoringPool
from llm_eval.tasks.base import Task
from llm_eval.types import ModelResponse, Sample, Score, Unscored


class Grade(NamedTuple):
    """What grading one reply gave."""

    answer: Any
    parse_error: str | None
    scores: tuple[Score | Unscored, ...]


async def grade(
    task: Task, sample: Sample, response: ModelResponse, pool: ScoringPool | None = None
) -> Grade:
    """Parse `response` and score it under every metric of `task`.

    Args:
        task: whose parser and scorers are asked.
        sample: the row.
        response: the reply.
        pool: where slow scorers go; None: all are asked here.

    Raises:
        BudgetExceededError: a judge may spend nothing more. No other `EvalError` is raised.
    """
    try:
        with boundary(ScorerError, f"task {task.name!r} could not parse the reply"):
            answer = task.parse(sample, response)
    except ParseError as exc:
        return Grade(None, str(exc), tuple(_without_answer(task, str(exc))))
    except EvalError as exc:
        return Grade(None, None, tuple(_undecided(task.scorers, str(exc))))
    scores: list[Score | Unscored] = []
    for scorer in task.scorers:
        try:
            with boundary(ScorerError, f"scorer {scorer.name!r}"):
                if pool is None:
                    given = await scorer.score(sample, answer, response)
                else:
                    given = await pool.score(scorer, sample, answer, response)
                scores += _of_all_metrics(scorer, given)
        except BudgetExceededError:
            raise  # the run ends here; the reply is kept and scored when it goes on
        except EvalError as exc:
            scores += _undecided([scorer], str(exc))
    return Grade(answer, None, tuple(scores))


def _of_all_metrics(scorer: Scorer, given: Scores) -> list[Score | Unscored]:
    by_name = {score.metric: score for score in given}
    return [_checked(by_name.get(m.name), m.name, scorer.name) for m in scorer.metrics]


def _checked(score: Score | Unscored | None, metric: str, scorer: str) -> Score | Unscored:
    if score is None:
        return Unscored(metric, f"scorer {scorer!r} returned no {metric!r}")
    if isinstance(score, Score) and not math.isfinite(score.value):
        return Unscored(metric, f"scorer {scorer!r} returned {score.value}, which is no number")
    return score


def _without_answer(task: Task, reason: str) -> Iterable[Score | Unscored]:
    if task.on_parse_error == "exclude":
        return _undecided(task.scorers, reason, state="parse_error")
    return (Score(m.name, m.worst, reason) for s in task.scorers for m in s.metrics)


def _undecided(
    scorers: Iterable[Scorer], reason: str, state: str = "error"
) -> Iterable[Score | Unscored]:
    return (Unscored(m.name, reason, state) for s in scorers for m in s.metrics)
