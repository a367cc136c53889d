"""Random draws that come out the same on every platform and Python.

    >>> Dice("20261123:test:1").code("??-####")
    'QK-5027'

Everything goes through `random()`: the one method whose sequence Python promises to keep.
"""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

T = TypeVar("T")

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_HEX = "0123456789abcdef"


class Dice:
    """One seeded stream of draws."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed).random  # noqa: S311 - invented data, no secrets

    def whole(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included."""
        return low + int(self._random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self._random() < probability

    def pick(self, options: Sequence[T]) -> T:
        """One of `options`."""
        return options[self.whole(0, len(options) - 1)]

    def maybe(self, value: T, probability: float = 0.5) -> T | None:
        """`value`, or None: a field that the document leaves out."""
        return value if self.chance(probability) else None

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """`count` different ones of `options`, in the order drawn."""
        left = list(options)
        return [left.pop(self.whole(0, len(left) - 1)) for _ in range(count)]

    def code(self, pattern: str) -> str:
        """`pattern` with # as a digit, ~ as a digit from 1, ? as a letter, % as a hex digit."""
        digits = {"#": "0123456789", "~": "123456789", "?": _LETTERS, "%": _HEX}
        return "".join(self.pick(digits[sign]) if sign in digits else sign for sign in pattern)

    def amount(self, low: float, high: float, places: int = 2) -> Decimal:
        """A decimal number between `low` and `high` with `places` digits after the point."""
        scale = 10**places
        return Decimal(self.whole(round(low * scale), round(high * scale))).scaleb(-places)

    def day(self, first: str = "2023-01-02", last: str = "2026-10-30") -> date:
        """A date from `first` to `last`."""
        start, end = date.fromisoformat(first), date.fromisoformat(last)
        return start + timedelta(days=self.whole(0, (end - start).days))

    def later(self, start: date, low: int, high: int) -> date:
        """A date `low` to `high` days after `start`; negative: before."""
        return start + timedelta(days=self.whole(low, high))

    def clock(self, first: int = 7, last: int = 20) -> str:
        """A time of day as HH:MM, on five minutes."""
        return f"{self.whole(first, last):02}:{5 * self.whole(0, 11):02}"
