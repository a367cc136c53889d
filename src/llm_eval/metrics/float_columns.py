"""Columns of floats in a temporary file: 8 bytes of it a value, and only one column in memory.

    page 0   metric 0 of 2,000 rows, metric 1 of 2,000 rows, …
    page 1   …

Values come back to the bit: they are copied, never computed with.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from llm_eval.metrics.word_columns import WordColumns

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Rows = Places | slice

_EVERY = slice(None)


class FloatColumn(Protocol):
    """One column of a table: an array, or what reads one from a file."""

    def __len__(self) -> int:
        """Rows."""

    def __getitem__(self, rows: Rows, /) -> Floats:
        """The values of some rows."""


class SpooledFloats:
    """A column that is read anew whenever it is asked for."""

    def __init__(self, columns: WordColumns, number: int) -> None:
        """The column of this number."""
        self._columns = columns
        self._number = number

    def __len__(self) -> int:
        """Rows."""
        return len(self._columns)

    def __getitem__(self, rows: Rows) -> Floats:
        """The values of some rows."""
        return self._columns.column(self._number).view("<f8")[rows]


class FloatColumns:
    """Makes the columns of a table, page by page; rows of packed little-endian floats go in."""

    def __init__(self, n_columns: int) -> None:
        self._columns = WordColumns(n_columns)

    def add(self, packed: bytes | bytearray) -> None:
        """One more page: whole rows, one after the other.

        Raises:
            StoreError: the temporary file cannot be written.
        """
        self._columns.add(packed)

    def add_columns(self, page: Sequence[Sequence[float | None]]) -> None:
        """One more page, given column by column; None becomes NaN.

        Raises:
            StoreError: the temporary file cannot be written.
        """
        self._columns.add_columns(np.array(page, "<f8").view("<i8"))

    def columns(self) -> tuple[FloatColumn, ...]:
        """All rows so far."""
        return tuple(SpooledFloats(self._columns, n) for n in range(self._columns.n_columns))


def as_columns(matrix: Floats) -> tuple[FloatColumn, ...]:
    """The columns of rows × columns."""
    return tuple(np.ascontiguousarray(column) for column in matrix.T)


def as_matrix(columns: Sequence[FloatColumn], n_rows: int) -> Floats:
    """Rows × columns, made anew."""
    matrix = np.empty((n_rows, len(columns)))
    for place, column in enumerate(columns):
        matrix[:, place] = column[_EVERY]
    return matrix
