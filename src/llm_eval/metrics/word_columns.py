"""Columns of words of 8 bytes in a temporary file, whatever the words mean: scores, or digests."""

from bisect import bisect_right
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from llm_eval.metrics.spool import Spool

Words = NDArray[np.int64]

_WORD = np.dtype("<i8")


class WordColumns:
    """Written row by row, a page at a time; read column by column."""

    def __init__(self, n_columns: int) -> None:
        """No row yet."""
        self.n_columns = n_columns
        self._spool = Spool()
        self._starts = [0]
        """The first row of each page, and the first of the next."""
        self._places: list[int] = []
        """Where each page stands in the file."""

    def __len__(self) -> int:
        """Rows."""
        return self._starts[-1]

    def add(self, packed: bytes | bytearray) -> None:
        """One more page: whole rows, one after the other.

        Raises:
            StoreError: the temporary file cannot be written.
        """
        if not packed:
            return
        self.add_columns(np.frombuffer(packed, _WORD).reshape(-1, self.n_columns).T)

    def add_columns(self, page: Words) -> None:
        """One more page, given as columns × rows.

        Raises:
            StoreError: the temporary file cannot be written.
        """
        self._places.append(self._spool.append(np.ascontiguousarray(page)))
        self._starts.append(len(self) + page.shape[1])

    def column(self, number: int) -> Words:
        """One column, read anew."""
        words = np.empty(len(self), _WORD)
        for page, (start, end) in enumerate(self._spans()):
            skipped = number * (end - start)
            self._read(page, skipped, words[start:end])
        return words

    def row(self, row: int) -> bytes:
        """All words of one row."""
        page = bisect_right(self._starts, row) - 1
        start, end = self._starts[page : page + 2]
        words = np.empty(self.n_columns, _WORD)
        for number in range(self.n_columns):
            skipped = number * (end - start) + row - start
            self._read(page, skipped, words[number : number + 1])
        return words.tobytes()

    def pages(self) -> Iterator[bytes]:
        """The pages as they were added."""
        for page, (start, end) in enumerate(self._spans()):
            words = np.empty((self.n_columns, end - start), _WORD)
            self._read(page, 0, words)
            yield words.T.tobytes()

    def _spans(self) -> Iterator[tuple[int, int]]:
        return zip(self._starts[:-1], self._starts[1:], strict=True)

    def _read(self, page: int, skipped_words: int, target: Words) -> None:
        self._spool.read_into(self._places[page] + _WORD.itemsize * skipped_words, target)
