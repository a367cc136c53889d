"""Spending stops at the limit, and an unknown price is never taken for nothing."""

import asyncio

import pytest

from llm_eval.errors import BudgetExceededError, ConfigError, ProviderError
from llm_eval.models.budget import Budget, Metered
from llm_eval.models.limiting import Limiter, Limiting
from llm_eval.models.pricing import cost, price_of
from llm_eval.models.retrying import Endpoint, Retrying
from llm_eval.specs import Limits, ModelSpec, Price
from llm_eval.testing import ScriptedModel
from llm_eval.types import Message, ModelResponse, Sampling, Usage

PROMPT = (Message("user", "hello"),)
REPLY = ModelResponse("ok", "m", usage=Usage(1000, 500, cached_prompt_tokens=400))


def test_the_price_of_a_reply_counts_cached_tokens_apart() -> None:
    price = Price(input=1.0, output=4.0, cached_input=0.1)
    assert cost(price, REPLY.usage) == pytest.approx((600 * 1 + 400 * 0.1 + 500 * 4) / 1e6)


def test_a_configured_price_wins_over_the_table() -> None:
    own = Price(input=9.0, output=9.0)
    spec = ModelSpec(name="m", provider="openai", model="gpt-4o-mini", price=own)
    assert price_of(spec) == own


def test_a_hosted_models_price_is_in_the_table() -> None:
    price = price_of(ModelSpec(name="m", provider="openai", model="gpt-4o-mini"))
    assert price is not None
    assert 0 < price.input < price.output < 10


def test_a_price_that_nobody_knows_is_none() -> None:
    assert price_of(ModelSpec(name="m", provider="openai", model="no-such-model")) is None
    endpoint = ModelSpec(name="m", provider="openai", model="gpt-4o", base_url="http://x/v1")
    assert price_of(endpoint) is None


async def test_a_cost_limit_stops_the_next_call() -> None:
    price = Price(input=1000.0, output=0.0)  # 1 dollar a reply
    model = Metered(ScriptedModel(lambda *_: REPLY), price, Budget(max_cost_usd=1.5))
    for _ in range(2):
        assert (await model.generate(PROMPT, Sampling())).cost_usd == pytest.approx(1.0)
    with pytest.raises(BudgetExceededError, match=r"\$2\.0000 of \$1\.5000"):
        await model.generate(PROMPT, Sampling())


def test_a_cost_limit_without_a_price_is_refused() -> None:
    with pytest.raises(ConfigError, match="price of 'scripted' is unknown"):
        Metered(ScriptedModel(["x"]), None, Budget(max_cost_usd=1))


async def test_a_token_limit_stops_too() -> None:
    model = Metered(ScriptedModel(lambda *_: REPLY), None, Budget(max_tokens=1500))
    await model.generate(PROMPT, Sampling())
    with pytest.raises(BudgetExceededError, match="1,500 of 1,500"):
        await model.generate(PROMPT, Sampling())


async def test_a_time_limit_counts_from_the_first_call() -> None:
    now = [100.0]
    budget = Budget(max_time_s=10, clock=lambda: now[0])
    model = Metered(ScriptedModel(["x"]), None, budget)
    await model.generate(PROMPT, Sampling())
    now[0] = 111.0
    with pytest.raises(BudgetExceededError, match="11 s"):
        await model.generate(PROMPT, Sampling())


def failing(code: str, retry_after_s: float | None = None) -> ScriptedModel:
    error = ProviderError("later", code=code, retryable=True, retry_after_s=retry_after_s)
    return ScriptedModel(["x"], latency_s=1.0, fault=lambda _: error)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("inner", "limits"),
    [
        (failing("connection"), Limits(concurrency=4)),  # pauses of up to a minute
        (failing("rate_limit", 600.0), Limits(concurrency=4)),
        (failing("rate_limit", 600.0), Limits(concurrency=4, max_attempts=1)),
        (ScriptedModel(["x"]), Limits(requests_per_minute=1)),
    ],
    ids=[
        "down",
        "closed for ten minutes",
        "closed, for those who wait for a slot",
        "a call a minute",
    ],
)
async def test_who_waits_before_a_call_waits_no_longer_than_there_is_time(
    inner: ScriptedModel, limits: Limits
) -> None:
    clock = asyncio.get_running_loop().time
    budget = Budget(max_time_s=10, clock=clock)
    limiter = Limiter(limits, clock=clock, sleep=budget.sleep)
    model = Retrying(
        Limiting(Metered(inner, None, budget), limiter),
        limits,
        Endpoint(clock=clock),
        sleep=budget.sleep,
    )
    asked = (model.generate(PROMPT, Sampling()) for _ in range(20))
    async with asyncio.timeout(60):  # of the loop's own time: a slot that is kept fails, not hangs
        ended = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(ended[-1], BudgetExceededError)
    assert clock() <= 11  # and a call that was in flight
    assert limiter.state.in_flight == 0
