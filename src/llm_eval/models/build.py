"""A model from its configuration, inside the layers that every call goes through.

    Caching(Retrying(Limiting(Metered(provider))))

A cache hit takes no slot; a call that backs off gives its slot to another; a reply is priced where
it is made.
"""

from llm_eval.models.base import BaseModel
from llm_eval.models.budget import Budget, Metered
from llm_eval.models.caching import Caching, ResponseCache
from llm_eval.models.limiting import Limiter, Limiting
from llm_eval.models.pricing import price_of
from llm_eval.models.retrying import Retrying
from llm_eval.registry import resolve
from llm_eval.specs import ModelSpec


def build_model(
    spec: ModelSpec,
    *,
    cache: ResponseCache | None = None,
    budget: Budget | None = None,
    max_age_s: float | None = None,
) -> BaseModel:
    """The model that `spec` describes, ready for `start`.

    Args:
        spec: from `config.parse_spec`.
        cache: where replies are remembered; None asks every time.
        budget: what may be spent; None: no limit.
        max_age_s: how old a remembered reply may be.

    Raises:
        ConfigError: the provider is unknown or not installed, a key is missing, or a cost limit
            cannot hold because the price is unknown.
    """
    provider: BaseModel = resolve("providers", spec.provider).from_spec(spec)
    budget = budget or Budget()
    model: BaseModel = Metered(provider, price_of(spec), budget)
    if provider.max_concurrency is None:  # an endpoint elsewhere: it can refuse and recover
        limiter = Limiter(spec.limits, sleep=budget.sleep, wait=budget.wait)
        if hasattr(provider, "on_headers"):
            provider.on_headers = limiter.observe
        model = Retrying(Limiting(model, limiter), spec.limits, sleep=budget.sleep)
    return model if cache is None else Caching(model, cache, max_age_s)
