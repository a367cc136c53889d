"""The one retry layer. What can pass is tried again; what cannot is not.

Full jitter between tries (AWS: sleep = U(0, min(cap, base·2ⁿ))); a provider's Retry-After is a
floor that all callers of the key wait for; a retry budget for the endpoint, so that an outage is
not answered with a storm; a breaker that lets single probes through while an endpoint is down; a
deadline for each sample. Sleeping happens outside the limiter: whoever waits holds no slot.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import replace

from llm_eval.errors import ProviderError
from llm_eval.models.base import BaseModel, ModelWrapper
from llm_eval.models.breaker import Breaker
from llm_eval.models.rate import Sleep
from llm_eval.specs import Limits
from llm_eval.types import ModelResponse, Prompt, Sampling

BASE_S = 0.5
CAP_S = 60.0


class RetryBudget:
    """Retries an endpoint is worth: each takes some, each success gives a little back."""

    def __init__(self, size: float = 500.0, cost: float = 5.0, refund: float = 1.0) -> None:
        self._size = self._level = size
        self._cost = cost
        self._refund = refund

    def take(self) -> bool:
        """Whether one more retry is allowed."""
        if self._level < self._cost:
            return False
        self._level -= self._cost
        return True

    def refill(self) -> None:
        """A call succeeded."""
        self._level = min(self._size, self._level + self._refund)


class Endpoint:
    """What all callers of one (provider, endpoint, key) share."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.budget = RetryBudget()
        self.breaker = Breaker(clock=clock)
        self.closed_until = float("-inf")
        """Before that, by the provider's own wish, nobody asks."""

    def close(self, seconds: float) -> None:
        """Keep everybody out for so long."""
        self.closed_until = max(self.closed_until, self.clock() + seconds)

    async def enter(self, deadline: float, sleep: Sleep = asyncio.sleep) -> None:
        """Wait until asking makes sense, at most until `deadline`.

        Raises:
            TimeoutError: it does not before the deadline.
        """
        while (delay := max(self.closed_until - self.clock(), self.breaker.delay_s())) > 0:
            if self.clock() + delay > deadline:
                raise TimeoutError
            await sleep(delay)


class Retrying(ModelWrapper):
    """Asks again as long as it can help."""

    def __init__(
        self,
        inner: BaseModel,
        limits: Limits,
        endpoint: Endpoint | None = None,
        *,
        rng: random.Random | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Wrap `inner`.

        Args:
            inner: what is asked.
            limits: attempts and the deadline of a sample.
            endpoint: what is shared with others who ask there.
            rng: of the jitter.
            sleep: waits between attempts; may raise what ends the run.
        """
        super().__init__(inner)
        self._sleep = sleep
        self._limits = limits
        self.endpoint = endpoint or Endpoint()
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """A reply from whichever attempt succeeds.

        Raises:
            ProviderError: the last attempt's, with how many there were in how many seconds.
        """
        endpoint = self.endpoint
        started = endpoint.clock()
        deadline = started + self._limits.deadline_s
        attempt, last = 0, None
        while True:
            try:
                await endpoint.enter(deadline, self._sleep)
            except TimeoutError:
                raise self._gave_up(last, attempt, started) from last
            attempt += 1
            try:
                response = await self._attempt(messages, sampling, repeat)
            except ProviderError as exc:
                last = exc
                delay = self._delay_s(exc, attempt, deadline)
                if delay is None:
                    if attempt == 1:
                        raise
                    raise self._gave_up(exc, attempt, started) from exc
                await self._sleep(delay)
            else:
                return replace(response, attempts=attempt) if attempt > 1 else response

    async def _attempt(self, messages: Prompt, sampling: Sampling, repeat: int) -> ModelResponse:
        """One attempt; the breaker learns how the endpoint is."""
        breaker = self.endpoint.breaker
        probing = breaker.begin()
        try:
            response = await self.inner.generate(messages, sampling, repeat=repeat)
        except ProviderError as exc:
            if exc.retryable and exc.code not in ("rate_limit", "overloaded"):
                breaker.failed()
            elif probing:
                breaker.succeeded()  # it answers, if only with a refusal
            raise
        finally:
            breaker.end(probing)
        breaker.succeeded()
        self.endpoint.budget.refill()
        return response

    def _delay_s(self, exc: ProviderError, attempt: int, deadline: float) -> float | None:
        """Seconds until the next attempt; None where there is none."""
        endpoint = self.endpoint
        if not exc.retryable or exc.fatal or attempt >= self._limits.max_attempts:
            return None
        if exc.retry_after_s is not None:
            endpoint.close(exc.retry_after_s)
        jitter = self._rng.uniform(0.0, min(CAP_S, BASE_S * 2**attempt))
        if endpoint.clock() + jitter > deadline:
            return None
        # An open breaker lets single probes through, so there is no storm to save for.
        return jitter if endpoint.breaker.is_open or endpoint.budget.take() else None

    def _gave_up(self, last: ProviderError | None, attempts: int, started: float) -> ProviderError:
        seconds = self.endpoint.clock() - started
        if last is None:
            return ProviderError(
                f"model {self.name!r}: {self._why_unavailable(seconds)}", code="unavailable"
            )
        return ProviderError(
            f"{last} ({attempts} attempts in {seconds:.1f} s)",
            code=last.code,
            status=last.status,
            fatal=last.fatal,
        )

    def _why_unavailable(self, seconds: float) -> str:
        closed_s = self.endpoint.closed_until - self.endpoint.clock()
        if closed_s > 0:
            return (
                f"the endpoint wants nobody to ask for another {closed_s:.0f} s, longer than "
                f"deadline_s = {self._limits.deadline_s:.0f} leaves; resume the run later"
            )
        return f"the endpoint was unavailable for {seconds:.0f} s"
