"""Are refusals for "too many calls" ours to cure? Some endpoints refuse a few whatever we do.

With 5 % of refusals at random, a limiter that cuts its slots at each of them ends at three slots of
256. So a cut needs more refusals than the endpoint is known to give anyway, and each cut is a test:
where a few calls are refused after it, and as many after one more, fewer calls do not help, and
their share is what this endpoint gives anyway.
"""

from math import sqrt
from typing import Literal

_TOLERATED = 0.02
"""Share of refusals that is worth the calls: less would leave slots unused."""
_SIGMAS, _SIGMAS_BY_CHANCE = 3.0, 4.0
"""How sure to be before a cut: surer where refusals are known to come by chance."""
_MOST_BY_CHANCE = 0.15
"""More than that is never taken for chance."""
_ENOUGH = 80
"""Answers that tell whether a cut has helped."""

Verdict = Literal["helped", "cut_again", "by_chance"]


class Refusals:
    """Counts answers and refusals of calls that started after the last cut."""

    def __init__(self) -> None:
        self.by_chance = 0.0
        """Share of refusals that this endpoint gives whatever we do, as found so far."""
        self._n = 0
        self._refused = 0
        self._testing = False
        self._left_over: float | None = None
        """Share of refusals after a first cut, until a second one has told what they are."""

    def answered(self, slots: int) -> None:
        """A call was answered.

        Args:
            slots: calls at once: old answers count less after two rounds of them.
        """
        self._n += 1
        if not self._testing and self._n > max(64, 2 * slots):
            self._n //= 2
            self._refused //= 2

    def refused(self, *, doubling: bool = False) -> bool:
        """A call was refused; whether that makes them too many.

        Args:
            doubling: the slots are still being doubled. Then as many are let pass as ever come by
                chance: a limit is overstepped so far within a round that it shows all the same,
                and what comes by chance is found faster with all slots than with the first few.
        """
        self._n += 1
        self._refused += 1
        chance = self._testing or doubling
        share = _MOST_BY_CHANCE if chance else _TOLERATED + 1.5 * self.by_chance
        spread = sqrt(share * (1 - share) * self._n)
        sigmas = _SIGMAS_BY_CHANCE if self.by_chance else _SIGMAS
        return self._refused > share * self._n + sigmas * spread

    def cut(self) -> None:
        """Fewer calls at once from now on: see whether it helps."""
        self._n = self._refused = 0
        self._testing = True

    def verdict(self) -> Verdict | None:
        """What the last cut has brought; None while there is none, or it is too early to tell.

        `cut_again`: a few refusals are left, by chance or because it is still a little too much.
        """
        if not self._testing or self._n < _ENOUGH:
            return None
        share, before = self._refused / self._n, self._left_over
        self._testing, self._n, self._refused, self._left_over = False, 0, 0, None
        if share > _MOST_BY_CHANCE or share <= self.by_chance + _TOLERATED:
            self.by_chance = min(self.by_chance, share)
            return "helped"
        if before is None:
            self._left_over = share
            return "cut_again"
        self.by_chance = (before + share) / 2
        return "by_chance"
