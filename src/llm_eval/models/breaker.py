"""A circuit breaker: while an endpoint is down, one caller at a time finds out if it is back."""

import time
from collections.abc import Callable

THRESHOLD = 20
"""Failures in a row, of calls at once too, after which an endpoint counts as down."""
PROBE_EVERY_S = 5.0


class Breaker:
    """Closed: all calls pass. Open: one probe every few seconds; its success closes it."""

    def __init__(
        self,
        threshold: int = THRESHOLD,
        probe_every_s: float = PROBE_EVERY_S,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threshold = threshold
        self._probe_every_s = probe_every_s
        self._clock = clock
        self._failures = 0
        self._probing = False
        self._next_probe = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether the endpoint counts as down."""
        return self._failures >= self._threshold

    def delay_s(self) -> float:
        """How long a caller should wait before it asks again; 0 where it may ask now."""
        if not self.is_open:
            return 0.0
        if self._probing:
            return self._probe_every_s
        return max(0.0, self._next_probe - self._clock())

    def begin(self) -> bool:
        """A call starts; whether it is the probe."""
        if self.is_open and not self._probing:
            self._probing = True
            return True
        return False

    def end(self, probing: bool) -> None:
        """The call ended, however."""
        if probing:
            self._probing = False
            self._next_probe = self._clock() + self._probe_every_s

    def succeeded(self) -> None:
        """The endpoint answers."""
        self._failures = 0

    def failed(self) -> None:
        """The endpoint failed a call."""
        self._failures += 1
        if self._failures == self._threshold:
            self._next_probe = self._clock() + self._probe_every_s
