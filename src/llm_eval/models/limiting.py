"""How many calls at once: found by trying, cut when the provider says it is too many.

One limiter for each (provider, endpoint, key). It starts with few slots and doubles them for each
round of answers while all are in use; after the first overload it adds one a round. Overload cuts
the slots once per episode: only a call that started after the last cut can cut again. Refusals that
come whatever we do cut nothing (`refusals`). Requests and tokens per minute come from configuration
and from the provider's own headers.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from llm_eval.errors import ProviderError
from llm_eval.models.base import BaseModel, ModelWrapper
from llm_eval.models.rate import Sleep, TokenBucket, seconds_until_reset
from llm_eval.models.refusals import Refusals
from llm_eval.specs import Limits
from llm_eval.types import ModelResponse, Prompt, Sampling

INITIAL_SLOTS = 16
CUT = 0.7
SATURATED = 0.8
"""Only a limiter whose slots are in use may grow: an idle one has learnt nothing."""


@dataclass(frozen=True, slots=True)
class LimiterState:
    """A picture of a limiter, for progress lines and metrics."""

    slots: int
    in_flight: int
    waiting: int
    paused_s: float


class Limiter:
    """Slots, request and token rates of one (provider, endpoint, key). One event loop."""

    def __init__(
        self,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        wait: Callable[["asyncio.Future[None]"], Awaitable[None]] | None = None,
    ) -> None:
        """Slots and rates for these limits.

        Args:
            limits: of the endpoint.
            clock: seconds that only grow.
            sleep: waits out a pause; may raise what ends the run.
            wait: waits for a slot; may raise too. None: as long as it takes.
        """
        self._most = limits.concurrency
        self.longest_pause_s = limits.deadline_s
        """No sample may wait longer than that for its reply."""
        self._slots = float(min(INITIAL_SLOTS, limits.concurrency))
        self._slow_start = True
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._last_cut = float("-inf")
        self._refusals = Refusals()
        self._paused_until = float("-inf")
        self._clock = clock
        self._sleep = sleep
        self._wait = wait
        per_minute = (limits.requests_per_minute, limits.tokens_per_minute)
        self._requests, self._tokens = (
            TokenBucket(rate / 60, rate, clock=clock, sleep=sleep) if rate else None
            for rate in per_minute
        )
        self._tokens_per_call = 500.0
        """Moving average: what a call will take of the token rate is known only afterwards."""

    @property
    def state(self) -> LimiterState:
        """As it is now."""
        return LimiterState(
            int(self._slots),
            self._in_flight,
            len(self._waiting),
            max(0.0, self._paused_until - self._clock()),
        )

    async def acquire(self) -> float:
        """Wait for a slot; the moment it was given."""
        if self._waiting or self._in_flight >= int(self._slots):
            await self._wait_for_slot()
        else:
            self._in_flight += 1
        now = self._clock()
        if self._paused_until <= now and self._requests is None and self._tokens is None:
            return now
        try:
            await self._wait_for_rate()
        except BaseException:  # cancelled, or the time of the run is over
            self.release()
            raise
        return self._clock()

    def release(self) -> None:
        """Give a slot back."""
        self._in_flight -= 1
        self._wake()

    def succeeded(self, tokens: int, started: float) -> None:
        """A call that started then was answered: grow, if the slots were in use."""
        self._tokens_per_call += 0.1 * (tokens - self._tokens_per_call)
        if started > self._last_cut:
            self._refusals.answered(int(self._slots))
            self._see_what_the_cut_brought()
        if self._in_flight < SATURATED * int(self._slots):
            return
        self._slots += 1.0 if self._slow_start else 1.0 / self._slots
        self._slots = min(self._slots, float(self._most))
        self._wake()

    def overloaded(self, started: float) -> None:
        """A call that started then was refused for too many: cut, once per episode.

        Where refusals come by chance, it takes more of them: see `Refusals`.
        """
        if started <= self._last_cut:
            return
        if self._refusals.refused(doubling=self._slow_start and self._slots < self._most):
            self._cut()
        else:
            self._see_what_the_cut_brought()

    def _cut(self) -> None:
        self._slots = max(1.0, self._slots * CUT)
        self._slow_start = False
        self._last_cut = self._clock()
        self._refusals.cut()

    def _see_what_the_cut_brought(self) -> None:
        """Find the slots anew where it was for nothing."""
        verdict = self._refusals.verdict()
        if verdict == "cut_again":
            self._cut()
        elif verdict == "by_chance":
            self._slow_start = True

    def pause(self, seconds: float) -> None:
        """Nobody with this key asks before that."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def observe(self, headers: Mapping[str, str]) -> None:
        """Wait for the reset where the provider says that nothing remains."""
        seconds = seconds_until_reset(headers)
        if seconds is not None:
            self.pause(seconds)

    async def _wait_for_slot(self) -> None:
        """First come, first served. The slot is taken by whoever wakes us."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await (future if self._wait is None else self._wait(future))
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.release()  # the slot was given at the moment we left
            elif future in self._waiting:  # else whoever gave a slot back has passed us over
                self._waiting.remove(future)
            raise

    async def _wait_for_rate(self) -> None:
        for bucket, amount in ((self._requests, 1.0), (self._tokens, self._tokens_per_call)):
            if bucket is not None:
                await bucket.take(amount)
        while (delay := self._paused_until - self._clock()) > 0:
            await self._sleep(delay)

    def _wake(self) -> None:
        while self._waiting and self._in_flight < int(self._slots):
            future = self._waiting.popleft()
            if not future.done():
                self._in_flight += 1
                future.set_result(None)


class Limiting(ModelWrapper):
    """Holds a slot during each call, and tells the limiter how it went."""

    def __init__(self, inner: BaseModel, limiter: Limiter) -> None:
        super().__init__(inner)
        self.limiter = limiter
        self._fatal: ProviderError | None = None

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """One call within a slot."""
        limiter = self.limiter
        started = await limiter.acquire()
        try:
            if self._fatal is not None:  # a wrong key is not tried again by all who waited
                raise self._fatal
            response = await self.inner.generate(messages, sampling, repeat=repeat)
        except ProviderError as exc:
            if (exc.retry_after_s or 0) > limiter.longest_pause_s:
                self._fatal = _closed(exc, limiter.longest_pause_s)
                raise self._fatal from exc
            if exc.fatal:
                self._fatal = exc
            if exc.code in ("rate_limit", "overloaded"):
                limiter.overloaded(started)
            if exc.retry_after_s is not None:  # who waits for a slot has passed the retry layer
                limiter.pause(exc.retry_after_s)
            raise
        else:
            usage = response.usage
            limiter.succeeded(usage.prompt_tokens + usage.completion_tokens, started)
            return response
        finally:
            limiter.release()


def _closed(exc: ProviderError, deadline_s: float) -> ProviderError:
    """Nobody can wait that long: the run ends, and nobody has failed."""
    return ProviderError(
        f"{exc}; the endpoint wants nobody to ask for {exc.retry_after_s:,.0f} s, and "
        f"deadline_s is {deadline_s:,.0f}; go on later",
        code="unavailable",
        status=exc.status,
        fatal=True,
    )
