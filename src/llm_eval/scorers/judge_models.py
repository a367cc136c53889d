"""The models behind `--judge-model`: built like any other, and counted apart.

gpt-4o-mini                                    one judge
gpt-4o-mini,anthropic/claude-haiku-4-5         a panel
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, fields
from typing import Any

from llm_eval.config import load_models, parse_spec
from llm_eval.errors import ConfigError
from llm_eval.models.base import BaseModel, ModelWrapper
from llm_eval.models.budget import Budget
from llm_eval.models.build import build_model
from llm_eval.models.caching import ResponseCache
from llm_eval.types import ModelResponse, Prompt, Sampling


@dataclass
class Taken:
    """What calls of one judge took."""

    calls: int = 0
    cache_hits: int = 0
    failures: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = 0.0
    """None where the price of any reply is unknown."""

    def add(self, response: ModelResponse) -> None:
        """One more reply."""
        self.cache_hits += response.cached
        self.prompt_tokens += response.usage.prompt_tokens
        self.completion_tokens += response.usage.completion_tokens
        known = self.cost_usd is not None and response.cost_usd is not None
        self.cost_usd = self.cost_usd + response.cost_usd if known else None  # type: ignore[operator]


Counts = dict[str, Taken]
"""By the judge's name."""
_counting: ContextVar[Counts | None] = ContextVar("counting", default=None)


@contextmanager
def counting() -> Iterator[Counts]:
    """What judges take within the block, in all tasks that are started in it."""
    counts: Counts = {}
    token = _counting.set(counts)
    try:
        yield counts
    finally:
        _counting.reset(token)


def added_up(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The sum of several `Taken`, as JSON; the same in whatever order they come."""
    names = [field.name for field in fields(Taken) if field.name != "cost_usd"]
    total: dict[str, Any] = {name: sum(part[name] for part in parts) for name in names}
    costs = [part["cost_usd"] for part in parts]
    return {**total, "cost_usd": None if None in costs else round(math.fsum(costs), 8)}


class Tally(ModelWrapper):
    """Counts what a judge takes, apart from what candidates take."""

    def __init__(self, inner: BaseModel) -> None:
        super().__init__(inner)
        self._taken = Taken()

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """One reply, counted."""
        counts = _counting.get()
        ours = (self._taken,) if counts is None else (
            self._taken, counts.setdefault(self.name, Taken())
        )  # fmt: skip
        for taken in ours:
            taken.calls += 1
        try:
            response = await self.inner.generate(messages, sampling, repeat=repeat)
        except Exception:
            for taken in ours:
                taken.failures += 1
            raise
        for taken in ours:
            taken.add(response)
        return response

    def to_dict(self) -> dict[str, Any]:
        """All that it took in this process."""
        return added_up([asdict(self._taken)])


def build_judges(
    text: str,
    *,
    cache: ResponseCache | None,
    budget: Budget,
    known: Mapping[str, BaseModel] | None = None,
) -> tuple[Tally, ...]:
    """The judges that `text` names, separated by commas.

    Args:
        text: the value of `--judge-model`.
        cache: where replies are remembered.
        budget: shared with the candidate.
        known: models that are built already, by SPEC: weights are not loaded twice.

    Raises:
        ConfigError: a name cannot be used, or stands twice.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ConfigError("--judge-model names no model")
    if len(set(names)) < len(names):
        raise ConfigError(f"--judge-model {text!r}: a judge stands twice in the panel")
    table = load_models()
    built = dict(known or {})
    return tuple(
        Tally(built.get(name) or build_model(parse_spec(name, table), cache=cache, budget=budget))
        for name in names
    )
