"""What every model, scorer and task must hold to: inherit, say how to make one, run pytest.

    class TestMyModel(ModelContract):
        def make(self) -> BaseModel:
            return MyModel(...)

Needs pytest with pytest-asyncio in auto mode.
"""

import asyncio
import dataclasses
import json
import math
from abc import ABC, abstractmethod
from typing import Any

from llm_eval.errors import EvalError
from llm_eval.fingerprint import identify
from llm_eval.models.base import BaseModel
from llm_eval.scorers.base import Scorer
from llm_eval.tasks.base import Task
from llm_eval.types import Message, ModelResponse, Prompt, Sample, Sampling, Score

PROMPT: Prompt = (Message("system", "Answer in one word."), Message("user", "Capital of France?"))
ODD_TEXTS = ("", " ", "\0", "a\0b", "\u202emirror", "\ufeff", "{" * 2000, "😀" * 500, "\x1b[31mred")


class ModelContract(ABC):
    """A model answers, says what it is, and never mixes up two calls."""

    @abstractmethod
    def make(self) -> BaseModel:
        """A new model, not started."""

    async def test_a_reply_has_text_model_and_usage(self) -> None:
        """Everything that cost and tables need is there."""
        response = await self._ask()
        assert isinstance(response, ModelResponse)
        assert isinstance(response.text, str)
        assert response.model
        assert response.finish_reason
        assert response.usage.prompt_tokens > 0
        assert response.usage.completion_tokens >= 0
        assert response.latency_s >= 0

    async def test_many_calls_at_once_each_get_an_answer(self) -> None:
        """Safe to call from many coroutines."""
        model = self.make()
        await model.start()
        try:
            asked = [model.generate(PROMPT, Sampling(max_tokens=8)) for _ in range(8)]
            responses = await asyncio.gather(*asked)
        finally:
            await model.aclose()
        assert len(responses) == 8

    async def test_it_can_be_closed_and_started_again(self) -> None:
        """A second run in the same process works."""
        model = self.make()
        for _ in range(2):
            await model.start()
            assert (await model.generate(PROMPT, Sampling(max_tokens=8))).model
            await model.aclose()

    async def test_closing_twice_or_unstarted_is_fine(self) -> None:
        """Clean-up code needs no knowledge of how far things got."""
        model = self.make()
        await model.aclose()
        await model.aclose()

    def test_its_identity_is_json_stable_and_without_secrets(self) -> None:
        """Two instances of the same model are the same model."""
        first, second = self.make(), self.make()
        assert first.fingerprint == second.fingerprint
        text = json.dumps(dict(first.identity), default=dict)
        assert "sk-" not in text

    async def _ask(self) -> ModelResponse:
        model = self.make()
        await model.start()
        try:
            return await model.generate(PROMPT, Sampling(max_tokens=8))
        finally:
            await model.aclose()


class ScorerContract(ABC):
    """A scorer gives every metric it declares, in range, always the same."""

    target: Any = "Paris"

    @abstractmethod
    def make(self) -> Scorer:
        """The scorer with its configuration."""

    @property
    def sample(self) -> Sample:
        """A row that the scorer can judge."""
        return identify("contract", "1", {"question": "Capital of France?"}, self.target)

    async def test_it_gives_the_metrics_it_declares(self) -> None:
        """No metric missing, none on top."""
        scorer = self.make()
        scores = await scorer.score(self.sample, "Paris", ModelResponse("Paris", "m"))
        assert [s.metric for s in scores] == [m.name for m in scorer.metrics]

    async def test_its_values_lie_between_worst_and_best(self) -> None:
        """Aggregation relies on the declared range."""
        scorer = self.make()
        for text in ("Paris", "Rome", *ODD_TEXTS):
            for score in await self._scores(scorer, text):
                metric = next(m for m in scorer.metrics if m.name == score.metric)
                low, high = sorted((metric.worst, metric.best))
                assert math.isfinite(score.value)
                assert low <= score.value <= high

    async def test_the_same_answer_gets_the_same_score(self) -> None:
        """A score is a function of its inputs."""
        scorer = self.make()
        assert await self._scores(scorer, "Paris") == await self._scores(scorer, "Paris")

    def test_its_configuration_is_its_fields(self) -> None:
        """A frozen dataclass: part of the run's recipe, comparable, hashable."""
        scorer = self.make()
        assert dataclasses.is_dataclass(scorer)
        assert scorer == self.make()
        assert hash(scorer) == hash(self.make())

    async def _scores(self, scorer: Scorer, text: str) -> list[Score]:
        try:
            scores = await scorer.score(self.sample, text, ModelResponse(text, "m"))
        except EvalError:
            return []  # it may refuse, in our own words
        return [score for score in scores if isinstance(score, Score)]


class TaskContract(ABC):
    """A task yields the same samples and prompts however it is asked."""

    @abstractmethod
    def make(self) -> Task:
        """The task."""

    def test_samples_come_in_a_fixed_order(self) -> None:
        """Resume counts on it."""
        split = self.make().splits[-1]
        first = [sample.key for sample in self.make().samples(split)]
        assert first == [sample.key for sample in self.make().samples(split)]
        assert len(set(first)) == len(first)

    def test_a_prompt_depends_on_its_sample_alone(self) -> None:
        """Not on order, limit or what was asked before."""
        task = self.make()
        samples = list(task.samples(task.splits[-1]))[:5]
        forwards = [task.prompt(sample) for sample in samples]
        backwards = [self.make().prompt(sample) for sample in reversed(samples)]
        assert forwards == backwards[::-1]

    def test_the_prompt_recipe_is_stable(self) -> None:
        """Two builds of one task are comparable."""
        assert self.make().prompt_hash == self.make().prompt_hash
