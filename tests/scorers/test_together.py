"""Calls that were begun are ended, whatever becomes of the others."""

import asyncio

import pytest

from llm_eval.errors import BudgetExceededError
from llm_eval.scorers.together import together


async def test_who_may_spend_no_more_leaves_no_call_in_flight() -> None:
    ended = []

    async def refused() -> str:
        raise BudgetExceededError("nothing more may be spent")

    async def in_flight() -> str:
        await asyncio.sleep(0.01)
        ended.append("in flight")
        return "paid for"

    with pytest.raises(BudgetExceededError):
        await together(refused(), in_flight())
    assert ended == ["in flight"]


async def test_a_cancellation_cancels_all() -> None:
    calls = asyncio.ensure_future(together(asyncio.sleep(60), asyncio.sleep(60)))
    await asyncio.sleep(0)
    calls.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calls
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_results_come_in_the_order_of_the_calls() -> None:
    assert await together(asyncio.sleep(0.01, "slow"), asyncio.sleep(0, "fast")) == ["slow", "fast"]
