"""Spending no more than was allowed: money, tokens, time; and nothing more once told to stop."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from llm_eval.errors import BudgetExceededError, ConfigError, StoppedError
from llm_eval.models.base import BaseModel, ModelWrapper
from llm_eval.models.pricing import cost
from llm_eval.specs import Price
from llm_eval.types import ModelResponse, Prompt, Sampling


class Budget:
    """What all models of a run may spend together. None: no limit."""

    def __init__(
        self,
        max_cost_usd: float | None = None,
        max_tokens: int | None = None,
        max_time_s: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_cost_usd = max_cost_usd
        self.max_tokens = max_tokens
        self.max_time_s = max_time_s
        self.spent_usd = 0.0
        self.spent_tokens = 0
        self._clock = clock
        self._started: float | None = None
        self._stopped = False
        self._waiting: set[asyncio.Future[None]] = set()

    def check(self) -> None:
        """Refuse another call once something is spent.

        Raises:
            BudgetExceededError: names the limit and what was spent.
        """
        if self._started is None:
            self._started = self._clock()
        elapsed = self._clock() - self._started
        if self.max_cost_usd is not None and self.spent_usd >= self.max_cost_usd:
            raise BudgetExceededError(
                f"cost limit reached: ${self.spent_usd:.4f} of ${self.max_cost_usd:.4f}"
            )
        if self.max_tokens is not None and self.spent_tokens >= self.max_tokens:
            raise BudgetExceededError(
                f"token limit reached: {self.spent_tokens:,} of {self.max_tokens:,}"
            )
        if self.max_time_s is not None and elapsed >= self.max_time_s:
            raise BudgetExceededError(f"time limit reached: {elapsed:.0f} s")

    async def sleep(self, seconds: float) -> None:
        """Wait before a call, but no longer than there is time: who waits has spent nothing yet.

        Raises:
            BudgetExceededError: the time limit was reached meanwhile.
            StoppedError: the run was told to stop.
        """
        if seconds < self._left_s():
            await self._pause(seconds)
            return
        while (left_s := self._left_s()) > 0:
            await self._pause(left_s)
        self.check()

    async def wait(self, turn: "asyncio.Future[None]") -> None:
        """Wait before a call until `turn` is done.

        Raises:
            StoppedError: the run was told to stop.
        """
        if self._stopped:
            raise _stopped()
        self._waiting.add(turn)
        try:
            await turn
        finally:
            self._waiting.discard(turn)

    def stop(self) -> None:
        """Whoever waits before a call, or begins to, leaves at once; calls in flight go on."""
        self._stopped = True
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(_stopped())

    async def _pause(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        timer = loop.call_later(seconds, _finish, over)
        try:
            await self.wait(over)
        finally:
            timer.cancel()

    def _left_s(self) -> float:
        if self.max_time_s is None or self._started is None:
            return float("inf")
        return self._started + self.max_time_s - self._clock()

    def charge(self, response: ModelResponse) -> None:
        """Add what one reply took."""
        self.spent_usd += response.cost_usd or 0.0
        self.spent_tokens += response.usage.prompt_tokens + response.usage.completion_tokens


def _finish(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _stopped() -> StoppedError:
    return StoppedError("told to stop before it was asked")


class Metered(ModelWrapper):
    """Prices every reply and charges it to a budget. Innermost: a cached reply costs nothing."""

    def __init__(self, inner: BaseModel, price: Price | None, budget: Budget) -> None:
        """Wrap `inner`.

        Raises:
            ConfigError: a cost limit was set and the price is unknown.
        """
        super().__init__(inner)
        if price is None and budget.max_cost_usd is not None:
            raise ConfigError(
                f"--max-cost cannot hold: the price of {inner.name!r} is unknown; "
                f"give it `price: {{input: …, output: …}}` in models.yaml"
            )
        self._price = price
        self._budget = budget

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """One reply, with its price."""
        self._budget.check()
        response = await self.inner.generate(messages, sampling, repeat=repeat)
        if self._price is not None:
            response = replace(response, cost_usd=cost(self._price, response.usage))
        self._budget.charge(response)
        return response
