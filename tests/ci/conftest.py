"""Runs to hold gates against: real ones, over a scripted model."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from llm_eval import evaluate
from llm_eval.ci.evidence import Evidence, from_storage
from llm_eval.ci.gate import check
from llm_eval.ci.gate_report import GateReport
from llm_eval.ci.thresholds import parse_thresholds
from llm_eval.errors import ParseError
from llm_eval.fingerprint import identify
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.scorers.base import Scorer, Scores
from llm_eval.scorers.deterministic import ExactMatch
from llm_eval.tasks.base import Task
from llm_eval.testing import ScriptedModel
from llm_eval.types import Message, Metric, ModelResponse, Prompt, Sample, Sampling, Score, Usage

N = 240


@dataclass(frozen=True)
class Judge(Scorer):
    """A scorer that fails, or gives no number, where it is told to."""

    fault: Callable[[str], float | None] = lambda _: None
    model: str = "judge-1"
    name = "judge"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("correct", "rate"), Metric("mistake", "rate", worst=1.0, best=0.0))

    @property
    def recipe(self) -> Mapping[str, Any]:
        return {"name": self.name, "version": 1, "model": self.model}

    async def score(self, sample: Sample, answer: Any, response: ModelResponse) -> Scores:
        value = self.fault(sample.id)
        if value == -1:
            raise ConnectionError("the judge is down")
        if value is not None:
            return (Score("correct", value), Score("mistake", value))
        right = float(answer == sample.target)
        return (Score("correct", right), Score("mistake", 1 - right))


@dataclass
class Questions(Task):
    """`n` questions whose answer is their number; every third is hard."""

    n: int = N
    name: str = "questions"
    scorers: tuple[Scorer, ...] = (ExactMatch(), Judge())
    repeat_last: bool = False
    target_of_first: str = "0"
    instruction: str = "Answer."

    def samples(self, split: str = "test") -> Iterator[Sample]:
        for number in range(self.n):
            own = min(number, self.n - 2) if self.repeat_last else number
            target = str(own) if own else self.target_of_first
            label = "hard" if own % 3 == 0 else "easy"
            yield identify(self.name, f"q-{own}", {"q": own}, target, slice=label)

    def prompt(self, sample: Sample) -> Prompt:
        return (Message("user", str(sample.inputs["q"])),)

    def parse(self, sample: Sample, response: ModelResponse) -> str:
        if not response.text or response.refusal:
            raise ParseError("there is no answer")
        return response.text

    @property
    def prompt_recipe(self) -> Mapping[str, Any]:
        return {"instruction": self.instruction}


Reply = Callable[[int, int], "str | ModelResponse"]
"""From the question's number and the epoch to the reply."""


def right(number: int, _epoch: int = 0) -> str:
    """Every answer is right."""
    return str(number)


def wrong_below(limit: int) -> Reply:
    """The first `limit` answers are wrong."""
    return lambda number, _epoch: "wrong" if number < limit else str(number)


def response(text: str, **fields: Any) -> ModelResponse:
    """A reply that cost something and took some time."""
    given = {"usage": Usage(10, 2), "latency_s": 0.1, "cost_usd": 0.001, **fields}
    return ModelResponse(text, "scripted", **given)


class Runs:
    """Makes runs in one database."""

    def __init__(self, storage: MetricsStorage) -> None:
        self.storage = storage

    def make(
        self,
        reply: Reply = right,
        task: Task | None = None,
        *,
        fault: Callable[..., Any] | None = None,
        **options: Any,
    ) -> Evidence:
        """One run, and what a gate sees of it."""

        def answer(messages: Prompt, _sampling: Sampling, repeat: int) -> ModelResponse:
            said = reply(int(messages[-1].content), repeat)
            return said if isinstance(said, ModelResponse) else response(said)

        model = ScriptedModel(answer, fault=fault)
        run = evaluate(task or Questions(), model, db=self.storage, **options)
        return from_storage(self.storage, run.run_id)


@pytest.fixture
def runs(storage: MetricsStorage) -> Runs:
    """Makes runs."""
    return Runs(storage)


def gate(
    text: str, current: Evidence, baseline: Evidence | None = None, **options: Any
) -> GateReport:
    """Hold the rules in `text` against `current`."""
    return check(parse_thresholds(text), current, baseline, **options)


def verdict(text: str, current: Evidence, baseline: Evidence | None = None) -> str:
    """The gate's status."""
    return gate(text, current, baseline).status
