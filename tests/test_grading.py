"""Who is to blame decides the score: the model scores worst, a broken scorer scores nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pytest

from llm_eval.errors import ParseError
from llm_eval.fingerprint import identify
from llm_eval.grading import grade
from llm_eval.scorers.base import Deterministic, Scores
from llm_eval.tasks.base import Task
from llm_eval.types import Message, Metric, ModelResponse, Prompt, Sample, Score, Unscored

SAMPLE = identify("t", "1", {"q": "?"}, "yes")


@dataclass(frozen=True)
class Equal(Deterministic):
    """1 where the answer is the target."""

    name: ClassVar[str] = "equal"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("equal", "rate"),)

    def grade(self, sample: Sample, answer: Any) -> Scores:
        return [Score("equal", float(answer == sample.target))]


@dataclass(frozen=True)
class Fixed(Deterministic):
    """Returns what it is told to, or raises it."""

    name: ClassVar[str] = "fixed"
    outcome: Any = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("fixed", worst=5.0, best=0.0),)

    def grade(self, sample: Sample, answer: Any) -> Scores:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return [Score("fixed", self.outcome)] if self.outcome is not None else []


@dataclass
class OneRow(Task):
    """A task of one row whose reply must not be empty."""

    name: str = "t"
    scorers: tuple[Deterministic, ...] = (Equal(),)
    on_parse_error: Literal["zero", "exclude"] = "zero"

    @property
    def prompt_recipe(self) -> Mapping[str, Any]:
        return {}

    def samples(self, split: str = "test") -> Iterator[Sample]:
        yield SAMPLE

    def prompt(self, sample: Sample) -> Prompt:
        return (Message("user", sample.inputs["q"]),)

    def parse(self, sample: Sample, response: ModelResponse) -> str:
        if response.text == "bug":
            raise ZeroDivisionError
        if not response.text:
            raise ParseError("empty reply")
        return response.text


def reply(text: str) -> ModelResponse:
    return ModelResponse(text, "m")


async def test_an_answer_is_scored() -> None:
    graded = await grade(OneRow(), SAMPLE, reply("yes"))
    assert graded.answer == "yes"
    assert graded.scores == (Score("equal", 1.0),)


async def test_a_reply_that_is_no_answer_scores_the_worst_of_every_metric() -> None:
    task = OneRow(scorers=(Equal(), Fixed()))
    graded = await grade(task, SAMPLE, reply(""))
    assert graded.parse_error == "empty reply"
    assert [(s.metric, s.value) for s in graded.scores if isinstance(s, Score)] == [
        ("equal", 0.0),
        ("fixed", 5.0),
    ]


async def test_a_task_may_leave_such_replies_unscored() -> None:
    graded = await grade(OneRow(on_parse_error="exclude"), SAMPLE, reply(""))
    assert graded.scores == (Unscored("equal", "empty reply", "parse_error"),)


async def test_a_bug_in_the_parser_is_not_the_models_fault() -> None:
    graded = await grade(OneRow(), SAMPLE, reply("bug"))
    assert graded.parse_error is None
    assert all(isinstance(score, Unscored) for score in graded.scores)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (KeyError("x"), "scorer 'fixed': KeyError: 'x'"),
        (float("nan"), "returned nan"),
        (float("inf"), "returned inf"),
        (None, "returned no 'fixed'"),
    ],
)
async def test_a_scorer_that_cannot_decide_is_nobodys_zero(outcome: Any, reason: str) -> None:
    graded = await grade(OneRow(scorers=(Equal(), Fixed(outcome))), SAMPLE, reply("yes"))
    right, undecided = graded.scores
    assert right == Score("equal", 1.0)
    assert isinstance(undecided, Unscored)
    assert reason in undecided.reason
