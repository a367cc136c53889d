"""Never ask twice for what is known: a response cache, and one call for identical requests."""

import asyncio
from contextvars import ContextVar
from dataclasses import replace
from typing import Protocol

from llm_eval.fingerprint import request_key
from llm_eval.models.base import BaseModel, ModelWrapper
from llm_eval.types import ModelResponse, Prompt, Sampling

ASKING: ContextVar[tuple[str | int, ...]] = ContextVar("asking", default=())
"""For what a reply is asked: a run's id, index and epoch of its sample, a metric; () for nothing.

Who asks for the same again after an interruption is given what was paid for then, at its price.
"""


class ResponseCache(Protocol):
    """Replies by request key."""

    async def get(self, key: str, *, max_age_s: float | None) -> ModelResponse | None:
        """The reply under `key`, unless it is older than `max_age_s`.

        It is a `hit`, but for one that was asked for by whoever is `ASKING` now.
        """

    def put(self, key: str, response: ModelResponse) -> None:
        """Remember a reply; durable soon after."""


class MemoryCache:
    """A cache that ends with the process."""

    def __init__(self) -> None:
        self._replies: dict[str, ModelResponse] = {}

    async def get(self, key: str, *, max_age_s: float | None) -> ModelResponse | None:
        """The reply under `key`; it has no age worth asking for."""
        known = self._replies.get(key)
        return None if known is None else hit(known)

    def put(self, key: str, response: ModelResponse) -> None:
        """Remember a reply."""
        self._replies[key] = response


class Caching(ModelWrapper):
    """Answers from a cache; N identical requests at once are one call. Takes no slot for a hit.

    The key holds the model's fingerprint, messages, sampling and repeat, so two checkpoints or two
    epochs never share a reply. A hit costs nothing and keeps its original latency and usage.
    """

    def __init__(
        self, inner: BaseModel, cache: ResponseCache, max_age_s: float | None = None
    ) -> None:
        super().__init__(inner)
        self._cache = cache
        self._max_age_s = max_age_s
        self._fingerprint: str | None = None
        self._in_flight: dict[str, asyncio.Future[ModelResponse]] = {}

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """A known reply, the reply of an identical call under way, or a new one."""
        if self._fingerprint is None:
            self._fingerprint = self.inner.fingerprint
        key = request_key(self._fingerprint, messages, sampling, repeat)
        while (leader := self._in_flight.get(key)) is not None:
            try:
                return hit(await asyncio.shield(leader))
            except asyncio.CancelledError:
                if not leader.cancelled() or _is_cancelled():
                    raise  # we are cancelled, too; else only the leader was, and we take over
        if (known := await self._cache.get(key, max_age_s=self._max_age_s)) is not None:
            return known
        return await self._lead(key, messages, sampling, repeat)

    async def _lead(
        self, key: str, messages: Prompt, sampling: Sampling, repeat: int
    ) -> ModelResponse:
        """Make the call that identical requests wait for; a failure is theirs too, not cached."""
        future: asyncio.Future[ModelResponse] = asyncio.get_running_loop().create_future()
        self._in_flight[key] = future
        try:
            response = await self.inner.generate(messages, sampling, repeat=repeat)
        except asyncio.CancelledError:
            future.cancel()
            raise
        except Exception as exc:
            future.set_exception(exc)
            future.exception()  # seen, even where nobody waits
            raise
        else:
            self._cache.put(key, response)
            future.set_result(response)
            return response
        finally:
            del self._in_flight[key]


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def hit(response: ModelResponse) -> ModelResponse:
    """`response` as it is given to others: it cost nothing this time."""
    cost = None if response.cost_usd is None else 0.0
    return replace(response, cached=True, cost_usd=cost)
