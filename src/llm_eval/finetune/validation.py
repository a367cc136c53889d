"""Evaluation while training: the task's own prompts, parsing and scorers, on the model as it is."""

import asyncio
from collections.abc import Sequence
from typing import Any

from llm_eval.errors import ConfigError
from llm_eval.finetune.config import Validation
from llm_eval.grading import grade
from llm_eval.models.hf.base import Base
from llm_eval.models.hf.decoding import Decoder, Row
from llm_eval.models.hf.prompting import prompt_tokens
from llm_eval.tasks.base import Task
from llm_eval.types import Metric, ModelResponse, Sample, Sampling, Score

ROWS = 32
"""Replies written at once."""


class Validator:
    """Measures one metric of one task on a model that is being trained."""

    def __init__(self, task: Task, config: Validation, tokenizer: Any) -> None:
        """Read the samples.

        Raises:
            ConfigError: the task has no such metric or split.
        """
        self.metric = _metric(task, config.metric)
        self._task, self._config, self._tokenizer = task, config, tokenizer
        samples = list(task.samples(config.split))[: config.limit]
        if not samples:
            raise ConfigError(f"validate: task {task.name!r} has no split {config.split!r}")
        # The longest first: a batch then holds prompts of about one length.
        rows = [(s, prompt_tokens(tokenizer, task.prompt(s))) for s in samples]
        self._rows = sorted(rows, key=lambda row: -len(row[1]))

    @property
    def n(self) -> int:
        """How many samples are asked."""
        return len(self._rows)

    def measure(self, model: Any, device: str) -> float:
        """Mean of the metric; what cannot be scored counts as worst.

        Args:
            model: the base with its adapter active in it; left in evaluation mode.
            device: where it is.
        """
        model.eval()
        decoder = Decoder(Base(("training",), model, self._tokenizer, device))
        sampling = Sampling(max_tokens=self._config.max_tokens)
        values: list[float] = []
        for start in range(0, len(self._rows), ROWS):
            part = self._rows[start : start + ROWS]
            rows = [Row(prompt, sampling, 0, self._config.max_tokens) for _, prompt in part]
            decoder.write(rows, None)
            values += asyncio.run(self._scored([s for s, _ in part], rows))
        return sum(values) / len(values)

    def better(self, value: float, than: float | None) -> bool:
        """Whether `value` improves on the best so far by at least `min_delta`."""
        if than is None:
            return True
        gain = value - than if self.metric.higher_is_better else than - value
        return gain > self._config.min_delta

    async def _scored(self, samples: Sequence[Sample], rows: Sequence[Row]) -> list[float]:
        return [await self._value(sample, row) for sample, row in zip(samples, rows, strict=True)]

    async def _value(self, sample: Sample, row: Row) -> float:
        found = await grade(self._task, sample, ModelResponse(row.text, ""))
        for score in found.scores:
            if isinstance(score, Score) and score.metric == self.metric.name:
                return score.value
        return self.metric.worst


def _metric(task: Task, name: str) -> Metric:
    metrics = {m.name: m for scorer in task.scorers for m in scorer.metrics}
    if name not in metrics:
        raise ConfigError(
            f"validate: task {task.name!r} has no metric {name!r}; it has {', '.join(metrics)}"
        )
    return metrics[name]
