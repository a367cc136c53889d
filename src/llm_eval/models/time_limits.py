"""Time limits of many calls on one timer: to set or to move one is an assignment.

    limits = TimeLimits(shortest_s=60)
    with limits.until(now + 300) as limit:      # TimeoutError when it passes
        first = await …
        limit.at = now + 60                     # moved

`asyncio.timeout` arms, moves and takes back a timer of the event loop for each call: 20 µs of the
55 that a whole exchange takes. Here one timer looks at all limits, several times in the shortest.
"""

import asyncio
from types import TracebackType

_LOOKS = 20
"""How often within the shortest limit."""
_MOST_S = 0.25


class TimeLimits:
    """All limits of one owner. Used from one event loop at a time."""

    def __init__(self, *, shortest_s: float) -> None:
        """`shortest_s`: the shortest limit there will be, which decides how exact they are."""
        self._every_s = min(_MOST_S, max(0.001, shortest_s / _LOOKS))
        self._running: set[TimeLimit] = set()
        self._timer: asyncio.TimerHandle | None = None

    def until(self, at: float) -> "TimeLimit":
        """A limit for the task that enters it, at a time of the event loop's clock."""
        return TimeLimit(self, at)

    def add(self, limit: "TimeLimit") -> None:
        """Watch a limit."""
        self._running.add(limit)
        if self._timer is None:
            self._arm()

    def remove(self, limit: "TimeLimit") -> None:
        """Watch it no longer."""
        self._running.discard(limit)

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._every_s, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for limit in self._running:
            if limit.at <= now:
                limit.pass_()
        if self._running:
            self._timer = loop.call_later(self._every_s, self._look, loop)
        else:
            self._timer = None


class TimeLimit:
    """One limit. As with `asyncio.timeout`, a cancellation from elsewhere stays one."""

    __slots__ = ("_cancelling", "_owner", "_task", "at", "passed")

    def __init__(self, owner: TimeLimits, at: float) -> None:
        self._owner = owner
        self.at = at
        """When it passes; may be moved."""
        self.passed = False

    def __enter__(self) -> "TimeLimit":
        """Watch the task that runs this.

        Raises:
            RuntimeError: there is none.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit is entered within a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._owner.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Turn the cancellation that was ours into what it means.

        Raises:
            TimeoutError: the limit has passed.
        """
        self._owner.remove(self)
        if not self.passed:
            return
        ours = self._task.uncancel() <= self._cancelling
        if ours and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error

    def pass_(self) -> None:
        """It is over: stop what the task waits for."""
        if not self.passed:
            self.passed = True
            self._task.cancel()
