"""Several calls at once, none of which is left behind."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from llm_eval.errors import EvalError

T = TypeVar("T")


async def together(*calls: Coroutine[Any, Any, T]) -> list[T]:
    """What each of `calls` returns, in their order.

    What one of them raises (nothing more may be spent) is raised when all have ended: a call in
    flight is paid for, and its reply would be lost with the event loop.
    """
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    except EvalError:
        await asyncio.wait(tasks)
        raise
