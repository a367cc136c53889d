"""An event loop for one call, wherever the caller stands: a script, a test, a notebook."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def in_own_loop(main: Callable[[], Awaitable[T]]) -> T:
    """Run `main()` on an event loop of its own: uvloop where there is one.

    In a thread of its own where this thread already runs a loop, as a notebook's does.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run_loop(main)
    return _in_thread(lambda: _run_loop(main))


def _run_loop(main: Callable[[], Awaitable[T]]) -> T:
    async def entry() -> T:
        return await main()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(entry())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if os.name == "nt":
        return None
    import uvloop

    return uvloop.new_event_loop


def _in_thread(work: Callable[[], T]) -> T:
    result: list[T] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            result.append(work())
        except BaseException as exc:  # noqa: BLE001 - carried to the caller's thread
            errors.append(exc)

    thread = threading.Thread(target=target, name="llm-eval")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return result[0]
