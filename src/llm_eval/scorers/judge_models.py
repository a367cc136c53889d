"""The models behind `--judge-model`: built like any other, and counted apart.

gpt-4o-mini                                    one judge
gpt-4o-mini,anthropic/claude-haiku-4-5         a panel
"""

from collections.abc import Mapping
from typing import Any

from llm_eval.config import load_models, parse_spec
from llm_eval.errors import ConfigError
from llm_eval.models.base import BaseModel, ModelWrapper
from llm_eval.models.budget import Budget
from llm_eval.models.build import build_model
from llm_eval.models.caching import ResponseCache
from llm_eval.types import ModelResponse, Prompt, Sampling


class Tally(ModelWrapper):
    """Counts what a judge takes, apart from what candidates take."""

    def __init__(self, inner: BaseModel) -> None:
        super().__init__(inner)
        self.calls = self.cache_hits = self.failures = 0
        self.prompt_tokens = self.completion_tokens = 0
        self._cost_usd: float | None = 0.0

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """One reply, counted."""
        self.calls += 1
        try:
            response = await self.inner.generate(messages, sampling, repeat=repeat)
        except Exception:
            self.failures += 1
            raise
        self.cache_hits += response.cached
        self.prompt_tokens += response.usage.prompt_tokens
        self.completion_tokens += response.usage.completion_tokens
        known = self._cost_usd is not None and response.cost_usd is not None
        self._cost_usd = self._cost_usd + response.cost_usd if known else None  # type: ignore[operator]
        return response

    def to_dict(self, earlier: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """All counts, added to those of an interrupted part of the run."""
        cost = self._cost_usd if self.calls > self.failures or not earlier else 0.0
        own = {
            "calls": self.calls,
            "cache_hits": self.cache_hits,
            "failures": self.failures,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }
        before = earlier or {}
        added: dict[str, Any] = {name: n + before.get(name, 0) for name, n in own.items()}
        spent = before.get("cost_usd", 0.0)
        added["cost_usd"] = None if cost is None or spent is None else round(cost + spent, 8)
        return added


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
