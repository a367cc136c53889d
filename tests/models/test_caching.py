"""Never ask twice for what is known."""

import asyncio

import pytest

from llm_eval.errors import ProviderError
from llm_eval.models.caching import Caching, MemoryCache
from llm_eval.testing import ScriptedModel
from llm_eval.types import Message, ModelResponse, Sampling

PROMPT = (Message("user", "hello"),)


async def test_the_same_request_is_asked_once() -> None:
    inner = ScriptedModel(["one", "two"])
    model = Caching(inner, MemoryCache())
    first, second = [await model.generate(PROMPT, Sampling()) for _ in range(2)]
    assert (first.text, first.cached) == ("one", False)
    assert (second.text, second.cached) == ("one", True)


@pytest.mark.parametrize(
    ("messages", "sampling", "repeat"),
    [
        ((Message("user", "other"),), Sampling(), 0),
        (PROMPT, Sampling(temperature=0.5), 0),
        (PROMPT, Sampling(seed=1), 0),
        (PROMPT, Sampling(json_schema={"type": "object"}), 0),
        (PROMPT, Sampling(), 1),
    ],
)
async def test_another_request_is_asked(
    messages: tuple[Message, ...], sampling: Sampling, repeat: int
) -> None:
    inner = ScriptedModel(["one", "two"])
    model = Caching(inner, MemoryCache())
    await model.generate(PROMPT, Sampling())
    assert (await model.generate(messages, sampling, repeat=repeat)).text == "two"


async def test_two_checkpoints_never_share_a_reply() -> None:
    cache = MemoryCache()
    old = Caching(ScriptedModel(["old"], revision="a"), cache)
    new = Caching(ScriptedModel(["new"], revision="b"), cache)
    assert (await old.generate(PROMPT, Sampling())).text == "old"
    assert (await new.generate(PROMPT, Sampling())).text == "new"


async def test_identical_requests_at_once_are_one_call() -> None:
    inner = ScriptedModel(["one"], latency_s=0.01)
    model = Caching(inner, MemoryCache())
    responses = await asyncio.gather(*(model.generate(PROMPT, Sampling()) for _ in range(20)))
    assert len(inner.calls) == 1
    assert sum(response.cached for response in responses) == 19


async def test_a_failure_is_everybodys_and_is_not_remembered() -> None:
    inner = ScriptedModel(
        ["ok"],
        latency_s=0.01,
        fault=lambda call: ProviderError("down") if call.number == 0 else None,
    )
    model = Caching(inner, MemoryCache())
    asked = [model.generate(PROMPT, Sampling()) for _ in range(3)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(result, ProviderError) for result in results)
    assert (await model.generate(PROMPT, Sampling())).text == "ok"


async def test_when_the_leader_is_cancelled_another_takes_over() -> None:
    inner = ScriptedModel(["ok"], latency_s=0.05)
    model = Caching(inner, MemoryCache())
    leader = asyncio.create_task(model.generate(PROMPT, Sampling()))
    await asyncio.sleep(0.01)
    follower = asyncio.create_task(model.generate(PROMPT, Sampling()))
    await asyncio.sleep(0.01)
    leader.cancel()
    assert (await follower).text == "ok"
    assert len(inner.calls) == 2


async def test_a_hit_costs_nothing_and_keeps_its_usage() -> None:
    reply = ModelResponse("ok", "m", cost_usd=0.5, latency_s=2.0)
    model = Caching(ScriptedModel(lambda *_: reply), MemoryCache())
    await model.generate(PROMPT, Sampling())
    hit = await model.generate(PROMPT, Sampling())
    assert (hit.cost_usd, hit.latency_s) == (0.0, 2.0)


async def test_who_waits_for_a_twin_is_cancelled_with_it() -> None:
    inner = ScriptedModel(["one"], latency_s=10.0)
    model = Caching(inner, MemoryCache())
    asked = [asyncio.create_task(model.generate(PROMPT, Sampling())) for _ in range(3)]
    await asyncio.sleep(0)
    for task in asked:
        task.cancel()
    ended = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ended)
    assert len(inner.calls) == 1
