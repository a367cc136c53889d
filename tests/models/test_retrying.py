"""What can pass is asked again, what cannot is not. Time is virtual."""

import asyncio
import itertools
import random
from collections.abc import Callable

import pytest

from llm_eval.errors import ProviderError
from llm_eval.models.retrying import Endpoint, RetryBudget, Retrying
from llm_eval.specs import Limits
from llm_eval.testing import Call, ScriptedModel
from llm_eval.types import Message, ModelResponse, Sampling

pytestmark = pytest.mark.looptime

PROMPT = (Message("user", "hello"),)
Fault = Callable[[Call], ProviderError | None]


def passing(code: str = "server_error", retry_after_s: float | None = None) -> ProviderError:
    return ProviderError("later", code=code, retryable=True, retry_after_s=retry_after_s)


def retrying(fault: Fault, limits: Limits = Limits()) -> tuple[Retrying, ScriptedModel]:
    model = ScriptedModel(["ok"], fault=fault)
    endpoint = Endpoint(clock=asyncio.get_running_loop().time)
    return Retrying(model, limits, endpoint, rng=random.Random(1)), model


async def ask(model: Retrying) -> ModelResponse:
    return await model.generate(PROMPT, Sampling())


async def test_a_passing_failure_is_tried_again_and_counted() -> None:
    model, inner = retrying(lambda call: passing() if call.number < 2 else None)
    response = await ask(model)
    assert (response.text, response.attempts, len(inner.calls)) == ("ok", 3, 3)


@pytest.mark.parametrize("code", ["bad_request", "auth", "not_found", "too_long", "context_length"])
async def test_a_permanent_failure_is_asked_once(code: str) -> None:
    model, inner = retrying(lambda call: ProviderError("no", code=code))
    with pytest.raises(ProviderError, match=r"^no$"):
        await ask(model)
    assert len(inner.calls) == 1


async def test_attempts_end_and_the_message_says_how_many() -> None:
    model, inner = retrying(lambda call: passing(), Limits(max_attempts=3))
    with pytest.raises(ProviderError, match=r"later \(3 attempts in"):
        await ask(model)
    assert len(inner.calls) == 3


async def test_the_deadline_of_a_sample_holds() -> None:
    model, _ = retrying(lambda call: passing(), Limits(max_attempts=1000, deadline_s=30))
    with pytest.raises(ProviderError):
        await ask(model)
    assert asyncio.get_running_loop().time() <= 30


async def test_retry_after_keeps_everybody_out() -> None:
    model, inner = retrying(lambda call: passing("rate_limit", 20.0) if call.number == 0 else None)
    first = asyncio.create_task(ask(model))
    await asyncio.sleep(1)
    await ask(model)  # another caller, with the same key
    assert asyncio.get_running_loop().time() >= 20
    assert (await first).text == "ok"
    assert len(inner.calls) == 3


async def test_a_retry_after_beyond_the_deadline_is_told_at_once() -> None:
    model, inner = retrying(lambda call: passing("rate_limit", 3600.0), Limits(deadline_s=1800))
    with pytest.raises(ProviderError, match="later"):
        await ask(model)
    with pytest.raises(ProviderError, match=r"ask for another 3[56]\d\d s.*resume the run later"):
        await ask(model)
    assert len(inner.calls) == 1


async def test_pauses_grow_and_are_jittered() -> None:
    moments: list[float] = []

    def fault(call: Call) -> ProviderError:
        moments.append(asyncio.get_running_loop().time())
        return passing()

    model, _ = retrying(fault, Limits(max_attempts=6, deadline_s=1e6))
    with pytest.raises(ProviderError):
        await ask(model)
    pauses = [after - before for before, after in itertools.pairwise(moments)]
    assert len(set(pauses)) == len(pauses)
    assert all(pause <= min(60.0, 0.5 * 2**n) for n, pause in enumerate(pauses, start=1))


async def test_an_outage_is_probed_not_stormed() -> None:
    """300 s down with 50 callers: without a breaker there would be thousands of calls."""

    def fault(call: Call) -> ProviderError | None:
        return passing() if asyncio.get_running_loop().time() < 300 else None

    model, inner = retrying(fault, Limits(max_attempts=10**6, deadline_s=1e6))
    responses = await asyncio.gather(*(ask(model) for _ in range(50)))
    assert all(response.text == "ok" for response in responses)
    assert len(inner.calls) < 300


def test_a_retry_budget_runs_out_and_refills_with_successes() -> None:
    budget = RetryBudget(size=10, cost=5, refund=1)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    for _ in range(5):
        budget.refill()
    assert budget.take()


async def test_a_cancelled_probe_lets_the_next_one_in() -> None:
    model, inner = retrying(lambda call: passing() if call.number < 25 else None)
    endpoint = model.endpoint
    for _ in range(25):
        endpoint.breaker.failed()
    inner._latency_s = 100.0
    probe = asyncio.create_task(ask(model))
    await asyncio.sleep(10)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert not endpoint.breaker._probing
