"""Many time limits on one timer: each stops its own task, and no other cancellation is lost."""

import asyncio
from collections.abc import Awaitable

import pytest

from llm_eval.models.time_limits import TimeLimits

SOON = 0.02


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_limit_that_passes_is_a_timeout() -> None:
    with pytest.raises(TimeoutError), TimeLimits(shortest_s=SOON).until(now() + SOON) as limit:
        await asyncio.sleep(60)
    assert limit.passed
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_a_limit_can_be_moved() -> None:
    limits = TimeLimits(shortest_s=SOON)
    with limits.until(now() + SOON) as limit:
        limit.at = now() + 60
        await asyncio.sleep(5 * SOON)
    assert not limit.passed


async def test_each_limit_stops_its_own_task_alone() -> None:
    limits = TimeLimits(shortest_s=SOON)

    async def wait(allowed: float) -> str:
        try:
            with limits.until(now() + allowed):
                await asyncio.sleep(10 * SOON)
        except TimeoutError:
            return "late"
        return "done"

    ended = await asyncio.gather(wait(SOON), wait(60), wait(2 * SOON), wait(60))
    assert tuple(ended) == ("late", "done", "late", "done")


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    limits = TimeLimits(shortest_s=SOON)

    async def wait() -> None:
        with limits.until(now() + 60):
            await asyncio.sleep(60)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_at_the_moment_the_limit_passes_is_not_swallowed() -> None:
    limits = TimeLimits(shortest_s=SOON)

    async def wait() -> None:
        with limits.until(now() + 60) as limit:
            limit.pass_()
            asyncio.current_task().cancel()  # type: ignore[union-attr]
            await asyncio.sleep(60)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(wait())


async def test_the_timer_rests_when_nobody_is_limited() -> None:
    limits = TimeLimits(shortest_s=SOON)
    with limits.until(now() + 60):
        await asyncio.sleep(SOON)
    await asyncio.sleep(3 * SOON)
    assert limits._timer is None


async def test_a_limit_is_of_a_task() -> None:
    failed: Awaitable[BaseException] = asyncio.get_running_loop().create_future()

    def outside() -> None:
        try:
            TimeLimits(shortest_s=1).until(0.0).__enter__()
        except RuntimeError as exc:
            failed.set_result(exc)  # type: ignore[attr-defined]

    asyncio.get_running_loop().call_soon(outside)
    assert "within a task" in str(await failed)
