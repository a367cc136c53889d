"""What a scorer is: a frozen dataclass whose fields are its configuration.

`repr`, equality, the YAML form and the recipe all come from the fields. A metric that cannot be
decided is `Unscored`, which is neither right nor wrong; a reply that is no answer never reaches a
scorer (the runner counts it as `Metric.worst`, with the parse flag set).
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from llm_eval.types import Metric, ModelResponse, Sample, Score, Unscored

Scores = Sequence[Score | Unscored]


class Scorer(ABC):
    """Grades one answer under one or more metrics. Subclasses are frozen dataclasses."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    """Raise it when the same answer can get another score: old numbers stop being comparable."""

    @property
    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """Every metric that `score` returns, in that order."""

    @abstractmethod
    async def score(self, sample: Sample, answer: Any, response: ModelResponse) -> Scores:
        """One `Score` or `Unscored` for each of `metrics`.

        Args:
            sample: the row, with its target.
            answer: what the task parsed from the reply.
            response: the reply itself, for scorers that read the raw text.

        Raises:
            Exception: any; the runner records every metric of this scorer as `Unscored`.
        """

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Name, version and configuration: what makes two scores comparable."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]
        return {"name": self.name, "version": self.version, **fields}


class ScorerWrapper(Scorer):
    """A scorer around a scorer, which changes no score: what `within` opens is open while it works.

    Whoever asks scorers in another place than here asks the inner one there, within `within`.
    """

    def __init__(self, inner: Scorer) -> None:
        self.inner = inner
        self.name = inner.name  # type: ignore[misc]
        self._metrics = inner.metrics

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The wrapped scorer's."""
        return self._metrics

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The wrapped scorer's."""
        return self.inner.recipe

    @abstractmethod
    def within(self) -> AbstractContextManager[None]:
        """What is open while the wrapped scorer works."""

    async def score(self, sample: Sample, answer: Any, response: ModelResponse) -> Scores:
        """The wrapped scorer's scores."""
        with self.within():
            return await self.inner.score(sample, answer, response)


class Deterministic(Scorer):
    """A scorer that is a pure function of sample and answer. Subclasses implement `grade`."""

    @abstractmethod
    def grade(self, sample: Sample, answer: Any) -> Scores:
        """As `score`, without waiting for anything."""

    async def score(self, sample: Sample, answer: Any, response: ModelResponse) -> Scores:
        """`grade`, for the runner."""
        return self.grade(sample, answer)
