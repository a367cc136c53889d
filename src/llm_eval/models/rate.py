"""Rates per minute: a bucket to take from, and what providers say in their headers."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_REMAINING = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
)
Sleep = Callable[[float], Awaitable[None]]
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST_S = 120.0
"""A header is advice: whoever needs longer says so with 429 and Retry-After."""


class TokenBucket:
    """Fills at `rate` a second up to `burst`; takers queue up in the order of asking."""

    def __init__(
        self,
        rate: float,
        burst: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._clock = clock
        self._sleep = sleep
        self._at = clock()

    async def take(self, amount: float) -> None:
        """Wait until `amount` is there. The debt is booked at once, so that nobody overtakes."""
        now = self._clock()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        self._level -= min(amount, self._burst)
        if self._level < 0:
            await self._sleep(-self._level / self._rate)


def seconds_until_reset(headers: Mapping[str, str]) -> float | None:
    """How long to wait where a provider says that nothing remains; None where something does."""
    waits = [
        seconds
        for remaining, reset in _REMAINING
        if headers.get(remaining) == "0"
        and (seconds := _seconds(headers.get(reset, ""), headers)) is not None
    ]
    return min(max(waits), _LONGEST_S) if waits else None


def seconds_from_now(moment: datetime, headers: Mapping[str, str], ours: float) -> float:
    """Seconds until a moment that a provider names; at least 0.

    Its own clock counts (the header Date), as ours may be an hour off, or be set meanwhile.

    Args:
        moment: without a zone it is in UTC.
        headers: that came with it.
        ours: seconds since 1970 where there is no Date.
    """
    dated = http_date(headers.get("date", ""))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - (ours if dated is None else dated.timestamp()))


def http_date(text: str) -> datetime | None:
    """`Tue, 14 Jul 2026 12:00:00 GMT`; None where it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _seconds(text: str, headers: Mapping[str, str]) -> float | None:
    """`6m0s`, `250ms`, `12` or an ISO 8601 moment, as seconds from now."""
    try:
        return float(text)
    except ValueError:
        pass
    parts = _DURATION.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return seconds_from_now(moment, headers, time.time())
