"""One question with its answers, and the kind that draws it.

    >>> number(1250, "grams")
    ('1250', '1,250', '1250 grams')

Only random() and randrange() of a stream are used: they give the same numbers on every Python.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, NamedTuple, TypeVar

T = TypeVar("T")
AnswerType = Literal["text", "number", "date", "boolean", "choice"]


class Item(NamedTuple):
    """A question that its kind has drawn."""

    key: str
    """What is asked about: within a kind, two items with one key have the same answer."""
    question: str
    answers: tuple[str, ...]
    """Accepted answers; the first stands verbatim in the evidence."""
    evidence: tuple[str, ...]
    """Facts or steps of computation that lead to the answer."""
    context: tuple[str, ...] = ()
    """Sentences or lines that hold the evidence among others; empty for none."""
    answer_type: AnswerType = "text"


@dataclass(frozen=True, slots=True)
class Kind:
    """One relation or template; `draw(rng, with_context)` gives an item, or None: draw again."""

    name: str
    draw: Callable[[Random, bool], Item | None]
    held_out: bool = False
    """Never drawn for train."""


def stream(*names: object) -> Random:
    """A stream of random numbers of its own for what is named; the same on every Python."""
    return Random(":".join(map(str, names)))  # noqa: S311 - reproducible, not secret


def pick(rng: Random, ranked: Sequence[T]) -> T:
    """One of a sequence sorted by how well known it is; the first half comes in 3 of 4 draws."""
    return ranked[min(rng.randrange(len(ranked)), rng.randrange(len(ranked)))]


def sample(rng: Random, values: Iterable[T], count: int) -> list[T]:
    """`count` different elements in random order."""
    left = list(values)
    return [left.pop(rng.randrange(len(left))) for _ in range(count)]


def shuffled(rng: Random, values: Iterable[T]) -> list[T]:
    """All elements in random order."""
    left = list(values)
    return sample(rng, left, len(left))


def number(value: int, *units: str) -> tuple[str, ...]:
    """Accepted forms of a whole number: plain, with thousands separators, with units."""
    plain, grouped = str(value), f"{value:,}"
    return tuple(dict.fromkeys((plain, grouped, *(f"{plain} {unit}" for unit in units))))


def decimal(hundredths: int, *units: str) -> tuple[str, ...]:
    """Accepted forms of an amount in hundredths: 1250 is 12.5 and 12.50."""
    whole, rest = divmod(hundredths, 100)
    if rest == 0:
        return (*number(whole, *units), f"{whole}.00")
    full = f"{whole}.{rest:02d}"
    plain = full.rstrip("0")
    return tuple(dict.fromkeys((plain, full, *(f"{plain} {unit}" for unit in units))))


def joined(names: Sequence[str], word: str = "and") -> str:
    """`a, b and c`."""
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else names[0]


def sentence(text: str) -> str:
    """With a capital letter at the front; the rest stays."""
    return text[:1].upper() + text[1:]
