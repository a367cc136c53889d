"""Columns of floats in few bytes: a number of one byte where only a few values ever appear.

    a rate, 100,000 rows     1 byte a row and the values 0, 1 and NaN once
    a mean                   8 bytes a row, as it was read

Values come back to the bit: they are told apart by their bits, so NaN and −0 stay what they are.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Rows = Places | slice

_EVERY = slice(None)
_MOST_IN_A_BYTE = 256


class PackedFloats:
    """A column of few distinct values, each stored once."""

    def __init__(self, codes: NDArray[np.uint8], distinct: Floats) -> None:
        """Read `distinct[codes[row]]` at each row."""
        self.codes = codes
        self.distinct = distinct

    def __len__(self) -> int:
        """Rows."""
        return len(self.codes)

    def __getitem__(self, rows: Rows) -> Floats:
        """The values of some rows."""
        return self.distinct[self.codes[rows]]


FloatColumn = Floats | PackedFloats


class FloatColumns:
    """Makes the columns of a table, page by page; rows of packed little-endian floats go in."""

    def __init__(self, n_columns: int) -> None:
        self._columns = [_Growing() for _ in range(n_columns)]

    def add(self, packed: bytes | bytearray) -> None:
        """One more page: whole rows, one after the other."""
        if not self._columns:
            return
        page = np.frombuffer(packed, "<i8").reshape(-1, len(self._columns))
        for column, bits in zip(self._columns, page.T, strict=True):
            column.add(np.ascontiguousarray(bits))

    def columns(self) -> tuple[FloatColumn, ...]:
        """All rows so far; nothing can be added while they live."""
        return tuple(column.floats() for column in self._columns)


def as_columns(matrix: Floats) -> tuple[FloatColumn, ...]:
    """The columns of rows × columns."""
    return tuple(np.ascontiguousarray(column) for column in matrix.T)


def as_matrix(columns: Sequence[FloatColumn], n_rows: int) -> Floats:
    """Rows × columns, made anew."""
    matrix = np.empty((n_rows, len(columns)))
    for place, column in enumerate(columns):
        matrix[:, place] = column[_EVERY]
    return matrix


class _Growing:
    """One column: codes as long as a byte can hold them, then the bits themselves."""

    def __init__(self) -> None:
        self._distinct = np.empty(0, np.int64)
        """In the order of their codes."""
        self._order = np.empty(0, np.intp)
        """That sorts them."""
        self._codes = bytearray()
        self._bits: bytearray | None = None

    def add(self, bits: NDArray[np.int64]) -> None:
        if self._bits is None and not self._coded(bits):
            codes = np.frombuffer(self._codes, np.uint8)
            self._bits = bytearray(self._distinct[codes].tobytes())
            self._codes = bytearray()
        if self._bits is not None:
            self._bits += bits.tobytes()

    def floats(self) -> FloatColumn:
        if self._bits is not None:
            return np.frombuffer(self._bits, "<f8")
        return PackedFloats(np.frombuffer(self._codes, np.uint8), self._distinct.view(np.float64))

    def _coded(self, bits: NDArray[np.int64]) -> bool:
        """Whether the page could be kept as codes."""
        codes = self._found(bits)
        if codes is None:
            new = np.setdiff1d(bits, self._distinct)
            if len(self._distinct) + len(new) > _MOST_IN_A_BYTE:
                return False
            self._distinct = np.concatenate([self._distinct, new])
            self._order = np.argsort(self._distinct)
            codes = self._found(bits)
        if codes is not None:
            self._codes += codes.astype(np.uint8).tobytes()
        return codes is not None

    def _found(self, bits: NDArray[np.int64]) -> Places | None:
        """The code of each value; None where one has none yet."""
        if not len(self._distinct):
            return None if len(bits) else np.empty(0, np.intp)
        places = np.searchsorted(self._distinct, bits, sorter=self._order)
        codes = self._order[np.minimum(places, len(self._order) - 1)]
        return codes if (self._distinct[codes] == bits).all() else None
