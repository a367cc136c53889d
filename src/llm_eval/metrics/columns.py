"""Columns of a million rows in few bytes: content keys as digests, labels as numbers.

Coded([0, 1, 0], ["easy", "hard"])     reads as ["easy", "hard", "easy"], 4 bytes a row
Digests                                reads as 64 hexadecimal digits, 32 bytes of a file a row
"""

from array import array
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from llm_eval.metrics.word_columns import WordColumns, Words

T = TypeVar("T", bound=Hashable)

_DIGEST_BYTES = 32
_DIGITS = 2 * _DIGEST_BYTES
_WORDS = _DIGEST_BYTES // 8
_MOST_IN_A_BYTE = 256


class Coded(Sequence[T], Generic[T]):
    """A sequence of few distinct values, each stored once."""

    def __init__(self, codes: NDArray[np.integer[Any]], distinct: Sequence[T]) -> None:
        """Read `distinct[codes[row]]` at each row."""
        self.codes = codes
        self.distinct = distinct

    @overload
    def __getitem__(self, row: int) -> T: ...
    @overload
    def __getitem__(self, row: slice) -> "Coded[T]": ...
    def __getitem__(self, row: int | slice) -> "T | Coded[T]":
        """The value of a row, or the values of some."""
        if isinstance(row, slice):
            return Coded(self.codes[row], self.distinct)
        return self.distinct[int(self.codes[row])]

    def __len__(self) -> int:
        """Rows."""
        return len(self.codes)

    def __iter__(self) -> Iterator[T]:
        """The values, in order."""
        return (self.distinct[code] for code in self.codes.tolist())

    def rows(self) -> Iterator[tuple[T, NDArray[np.intp]]]:
        """Each distinct value with the rows that have it, ascending."""
        order = np.argsort(self.codes, kind="stable")
        ends = np.cumsum(np.bincount(self.codes, minlength=len(self.distinct)))
        yield from zip(self.distinct, np.split(order, ends[:-1]), strict=False)


class Coder(Generic[T]):
    """Makes a `Coded`, page by page."""

    def __init__(self) -> None:
        self._codes = array("B")
        self._numbers: dict[T, int] = {}

    def extend(self, values: Iterable[T]) -> None:
        """More rows."""
        page, numbers = list(values), self._numbers
        for value in dict.fromkeys(page):
            numbers.setdefault(value, len(numbers))
        if len(numbers) > _MOST_IN_A_BYTE and self._codes.typecode == "B":
            self._codes = array("i", self._codes)
        self._codes.extend(map(numbers.__getitem__, page))

    def coded(self) -> Coded[T]:
        """All rows so far; nothing can be appended while it lives."""
        return Coded(np.frombuffer(self._codes, self._codes.typecode), list(self._numbers))


def coded(values: Sequence[T]) -> Coded[T]:
    """The values with each distinct one stored once."""
    if isinstance(values, Coded):
        return values
    coder: Coder[T] = Coder()
    coder.extend(values)
    return coder.coded()


class Digests(Sequence[str]):
    """Content keys, which are sha256 in hexadecimal, in a temporary file."""

    def __init__(self, packed: bytes | bytearray = b"") -> None:
        """Read 32 bytes a row."""
        self._words = WordColumns(_WORDS)
        self.add(packed)

    def add(self, packed: bytes | bytearray) -> None:
        """More rows.

        Raises:
            StoreError: the temporary file cannot be written.
        """
        self._words.add(packed)

    def words(self, place: int) -> Words:
        """Eight bytes of every key: the first for 0, the last for 3."""
        return self._words.column(place)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        """The key of a row, or the keys of some."""
        if isinstance(row, slice):
            return [self[n] for n in range(*row.indices(len(self)))]
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        return self._words.row(row % len(self)).hex()

    def __len__(self) -> int:
        """Rows."""
        return len(self._words)

    def __iter__(self) -> Iterator[str]:
        """The keys, in order."""
        for page in self._words.pages():
            digits = page.hex()
            for start in range(0, len(digits), _DIGITS):
                yield digits[start : start + _DIGITS]


def pack_keys(keys: Sequence[str]) -> bytes | None:
    """The keys as digests; None where one of them, of somebody's own making, is none."""
    if any(len(key) != _DIGITS for key in keys):
        return None
    try:
        packed = bytes.fromhex("".join(keys))
    except ValueError:
        return None
    return packed if packed.hex() == "".join(keys) else None


def numbered(*columns: Sequence[str]) -> NDArray[np.intp]:
    """One number for each key of all the columns, one after the other: equal for equal keys."""
    if all(isinstance(keys, Digests) for keys in columns):
        return _numbered_digests([keys for keys in columns if isinstance(keys, Digests)])
    return _numbered_texts(columns)


def same_keys(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether equal keys stand at the same rows."""
    if len(left) != len(right):
        return False
    if isinstance(left, Digests) and isinstance(right, Digests):
        return all(np.array_equal(left.words(n), right.words(n)) for n in range(_WORDS))
    return all(one == other for one, other in zip(left, right, strict=True))


def _numbered_digests(columns: Sequence[Digests]) -> NDArray[np.intp]:
    """As `numbered`: ordered by the first eighth of each, and told apart by all of it.

    Whole digests would take twice 64 bytes a row while they are sorted.
    """
    first = _words(columns, 0)
    order = np.argsort(first, kind="stable")
    ordered = first[order]
    same = ordered[1:] == ordered[:-1]
    others = (_words(columns, place)[order] for place in range(1, _WORDS))
    if not all((word[1:] == word[:-1])[same].all() for word in others):
        return _numbered_texts(columns)  # two digests share their first eighth
    numbers = np.empty(len(first), np.intp)
    numbers[order] = np.cumsum(np.concatenate([[False], ~same])[: len(first)])
    return numbers


def _words(columns: Sequence[Digests], place: int) -> Words:
    """Eight bytes of every digest."""
    return np.concatenate([keys.words(place) for keys in columns])


def _numbered_texts(columns: Sequence[Sequence[str]]) -> NDArray[np.intp]:
    numbers: dict[str, int] = {}
    every = chain.from_iterable(columns)
    total = sum(map(len, columns))
    return np.fromiter((numbers.setdefault(key, len(numbers)) for key in every), np.intp, total)
