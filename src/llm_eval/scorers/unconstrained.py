"""A judge whose endpoint refuses a JSON Schema: asked without one, and read no less strictly.

>>> judge = await fitting(judge, judge_prompt(rubric, case), asking.sampling(rubric, 0))
>>> judge.identity["constrained"]
False

The schema is part of how a judge is asked, so one that is asked without it is another judge.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llm_eval.errors import ProviderError
from llm_eval.models.base import BaseModel, ModelWrapper
from llm_eval.types import ModelResponse, Prompt, Sampling

REFUSALS = 2
"""How often a request must be refused before it counts: once may be a hiccup of a proxy."""
_STATUSES = (400, 415, 422, 501)


class Unconstrained(ModelWrapper):
    """A model that is never asked for a schema."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """The model's, and that no schema holds its replies."""
        return {**self.inner.identity, "constrained": False}

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """A reply in whatever form the model gives it."""
        plain = replace(sampling, json_schema=None)
        return await self.inner.generate(messages, plain, repeat=repeat)


def is_refusal(error: BaseException | None) -> bool:
    """Whether an endpoint said that it does not take a request of this kind."""
    if not isinstance(error, ProviderError) or error.code == "context_length":
        return False
    return error.code == "schema" or error.status in _STATUSES


async def fitting(model: BaseModel, messages: Prompt, sampling: Sampling) -> BaseModel:
    """`model`, or the same without a schema where it refuses one and answers without.

    Raises:
        BudgetExceededError: nothing more may be spent.
    """
    for _ in range(REFUSALS):
        try:
            await model.generate(messages, sampling)
        except ProviderError as exc:
            if not is_refusal(exc):
                return model  # nothing is known, and the schema is what it should be asked with
        else:
            return model
    plain = Unconstrained(model)
    try:
        await plain.generate(messages, sampling)
    except ProviderError:
        return model
    return plain
