"""Slots are found by trying; rates hold; nobody overtakes. Time is virtual."""

import asyncio
import itertools
import random

import pytest

from llm_eval.errors import ProviderError
from llm_eval.models.limiting import Limiter, Limiting
from llm_eval.models.rate import TokenBucket, seconds_until_reset
from llm_eval.models.refusals import Refusals
from llm_eval.specs import Limits
from llm_eval.testing import Call, ScriptedModel
from llm_eval.types import Message, ModelResponse, Sampling, Usage

pytestmark = pytest.mark.looptime

PROMPT = (Message("user", "hello there"),)


def limiting(model: ScriptedModel, limits: Limits) -> Limiting:
    return Limiting(model, Limiter(limits, clock=asyncio.get_running_loop().time))


async def ask_all(model: Limiting, n: int) -> float:
    await asyncio.gather(*(model.generate(PROMPT, Sampling()) for _ in range(n)))
    return asyncio.get_running_loop().time()


async def test_no_more_calls_at_once_than_configured() -> None:
    inner = ScriptedModel(["ok"], latency_s=1.0)
    await ask_all(limiting(inner, Limits(concurrency=7)), 50)
    assert inner.most_active == 7


async def test_slots_double_until_the_limit_while_all_are_in_use() -> None:
    inner = ScriptedModel(["ok"], latency_s=1.0)
    took = await ask_all(limiting(inner, Limits(concurrency=256)), 2000)
    assert inner.most_active == 256
    assert took <= 13  # 16 + 32 + 64 + 128, then 256 a second


async def test_an_idle_limiter_learns_nothing() -> None:
    inner = ScriptedModel(["ok"], latency_s=1.0)
    model = limiting(inner, Limits(concurrency=256))
    for _ in range(20):
        await model.generate(PROMPT, Sampling())
    assert model.limiter.state.slots == 16


async def test_one_episode_of_overload_cuts_once() -> None:
    limiter = Limiter(Limits(concurrency=100), clock=asyncio.get_running_loop().time)
    limiter._slots = 100.0
    started = [await limiter.acquire() for _ in range(50)]
    await asyncio.sleep(1)
    for moment in started:
        limiter.overloaded(moment)
    assert limiter.state.slots == 70


async def test_an_endpoint_with_20_slots_is_found_with_few_wasted_calls() -> None:
    def fault(call: Call) -> ProviderError | None:
        refused = inner.n_active >= 20
        return ProviderError("busy", code="rate_limit", retryable=True) if refused else None

    inner = ScriptedModel(["ok"], latency_s=1.0, fault=fault)
    model = limiting(inner, Limits(concurrency=256))
    refused = 0

    async def ask() -> None:
        nonlocal refused
        while True:
            try:
                await model.generate(PROMPT, Sampling())
            except ProviderError:
                refused += 1
                await asyncio.sleep(0.5)
            else:
                return

    await asyncio.gather(*(ask() for _ in range(2000)))
    assert refused / 2000 < 0.2


@pytest.mark.parametrize("seed", range(5))
async def test_refusals_by_chance_cost_their_own_calls_and_no_slots(seed: int) -> None:
    """5 % are refused whatever we do: at 256 connections the rate stays near what it could be."""
    rng = random.Random(seed)

    def fault(call: Call) -> ProviderError | None:
        refused = rng.random() < 0.05
        return ProviderError("busy", code="rate_limit", retryable=True) if refused else None

    inner = ScriptedModel(["ok"], latency_s=1.0, fault=fault)
    model = limiting(inner, Limits(concurrency=256))
    left = iter(range(20_000))

    async def work() -> None:
        for _ in left:
            while True:
                try:
                    await model.generate(PROMPT, Sampling())
                except ProviderError:
                    await asyncio.sleep(rng.random())
                else:
                    break

    async with asyncio.TaskGroup() as group:
        for _ in range(1032):
            group.create_task(work())
    ideal = 20_000 / 0.95 / 256
    assert asyncio.get_running_loop().time() < ideal / 0.75
    assert model.limiter.state.slots > 200


@pytest.mark.parametrize(("every", "is_cut"), [(20, False), (2, True)])
def test_while_the_slots_are_doubled_only_more_than_chance_cuts_them(
    every: int, *, is_cut: bool
) -> None:
    refusals = Refusals()
    cuts = []
    for number in range(1, 201):
        if number % every:
            refusals.answered(16)
        else:
            cuts.append(refusals.refused(doubling=True))
    assert any(cuts) is is_cut


async def test_refusals_by_chance_do_not_end_the_doubling() -> None:
    """16, 32, 64, 128, 256: a test of a cut among the first few slots would take rounds."""
    numbers = itertools.count(1)

    def fault(call: Call) -> ProviderError | None:
        refused = next(numbers) % 20 < 1
        return ProviderError("busy", code="rate_limit", retryable=True) if refused else None

    inner = ScriptedModel(["ok"], latency_s=1.0, fault=fault)
    model = limiting(inner, Limits(concurrency=256))
    asked = [asyncio.create_task(model.generate(PROMPT, Sampling())) for _ in range(2000)]
    await asyncio.sleep(4.5)
    assert model.limiter.state.slots > 200
    await asyncio.gather(*asked, return_exceptions=True)


async def test_a_limit_is_kept_to_with_few_wasted_calls() -> None:
    """An endpoint with 64 places, 256 allowed: it is found, and hardly overstepped afterwards."""

    def fault(call: Call) -> ProviderError | None:
        busy = inner.n_active > 64
        return ProviderError("busy", code="rate_limit", retryable=True) if busy else None

    inner = ScriptedModel(["ok"], latency_s=1.0, fault=fault)
    model = limiting(inner, Limits(concurrency=256))
    left, n_refused = iter(range(10_000)), 0

    async def work() -> None:
        nonlocal n_refused
        for _ in left:
            while True:
                try:
                    await model.generate(PROMPT, Sampling())
                except ProviderError:
                    n_refused += 1
                    await asyncio.sleep(0.5)
                else:
                    break

    async with asyncio.TaskGroup() as group:
        for _ in range(1032):
            group.create_task(work())
    assert n_refused / 10_000 < 0.03
    assert asyncio.get_running_loop().time() < 10_000 / 64 / 0.75


async def test_requests_per_minute_hold() -> None:
    inner = ScriptedModel(["ok"])
    took = await ask_all(limiting(inner, Limits(requests_per_minute=60)), 120)
    assert 59 <= took <= 61  # the first 60 at once, the others one a second


async def test_tokens_per_minute_hold() -> None:
    reply = ModelResponse("ok", "m", usage=Usage(400, 200))
    model = limiting(ScriptedModel(lambda *_: reply), Limits(tokens_per_minute=6000, concurrency=4))
    took = await ask_all(model, 40)  # 24,000 tokens: 6,000 at once, the others 100 a second
    assert 160 <= took <= 185


async def test_a_cancelled_wait_gives_its_place_back() -> None:
    inner = ScriptedModel(["ok"], latency_s=1.0)
    model = limiting(inner, Limits(concurrency=1))
    first = asyncio.create_task(model.generate(PROMPT, Sampling()))
    second = asyncio.create_task(model.generate(PROMPT, Sampling()))
    third = asyncio.create_task(model.generate(PROMPT, Sampling()))
    await asyncio.sleep(0.5)
    second.cancel()
    await asyncio.gather(first, third)
    assert model.limiter.state.in_flight == 0
    assert asyncio.get_running_loop().time() == pytest.approx(2.0)


async def test_a_bucket_books_the_debt_at_once() -> None:
    bucket = TokenBucket(rate=1.0, burst=1.0, clock=asyncio.get_running_loop().time)
    await asyncio.gather(*(bucket.take(1) for _ in range(5)))
    assert asyncio.get_running_loop().time() == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 120.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "250ms"}, 0.25),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "12"}, 12.0),
        ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "12"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "soon"}, None),
        ({}, None),
    ],
)
async def test_a_providers_headers_say_when_to_go_on(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert seconds_until_reset(headers) == seconds


async def test_a_retry_after_that_nobody_can_wait_for_stops_all_who_wait() -> None:
    def fault(call: Call) -> ProviderError:
        return ProviderError("busy", code="rate_limit", retryable=True, retry_after_s=3600)

    inner = ScriptedModel(["ok"], latency_s=1.0, fault=fault)
    model = limiting(inner, Limits(concurrency=2, deadline_s=1800))
    asked = (model.generate(PROMPT, Sampling()) for _ in range(20))
    errors = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(error, ProviderError) and error.fatal for error in errors)
    assert "busy; the endpoint wants nobody to ask for 3,600 s" in str(errors[-1])
    assert len(inner.calls) == 2
    assert asyncio.get_running_loop().time() < 2


async def test_who_waits_for_a_slot_waits_for_retry_after_too() -> None:
    moments: list[float] = []

    def fault(call: Call) -> ProviderError | None:
        moments.append(asyncio.get_running_loop().time())
        if call.number:
            return None
        return ProviderError("busy", code="rate_limit", retryable=True, retry_after_s=20)

    model = limiting(ScriptedModel(["ok"], fault=fault), Limits(concurrency=1))
    asked = (model.generate(PROMPT, Sampling()) for _ in range(3))
    await asyncio.gather(*asked, return_exceptions=True)
    assert moments[1] >= 20


async def test_all_who_wait_can_be_cancelled_at_once() -> None:
    model = limiting(ScriptedModel(["ok"], latency_s=1.0), Limits(concurrency=1))
    asked = [asyncio.create_task(model.generate(PROMPT, Sampling())) for _ in range(5)]
    await asyncio.sleep(0.5)
    for task in asked:
        task.cancel()
    ended = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ended)
    assert (model.limiter.state.in_flight, model.limiter.state.waiting) == (0, 0)
