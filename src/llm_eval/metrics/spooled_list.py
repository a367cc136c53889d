"""A sequence of small things in a temporary file: as many as there are samples, none in memory."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

import numpy as np

from llm_eval.metrics import codec
from llm_eval.metrics.spool import Spool

T = TypeVar("T")


class SpooledList(Sequence[T], Generic[T]):
    """Written page by page, read in any order; a page is one JSON text."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        """Nothing yet; `make` gives an item from what was put in for it."""
        self._make = make
        self._spool = Spool()
        self._starts = [0]
        """The first item of each page, and the first of the next."""
        self._places: list[tuple[int, int]] = []
        """Where each page stands in the file, and its bytes."""
        self._latest: tuple[int, list[Any]] = (-1, [])
        """The page that was read last: the next item is mostly in it."""

    def extend(self, page: Iterable[Any]) -> None:
        """One more page of what JSON can hold.

        Raises:
            StoreError: the temporary file cannot be written.
        """
        items = list(page)
        text = codec.to_json(items).encode()
        self._places.append((self._spool.append(text), len(text)))
        self._starts.append(len(self) + len(items))

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        """One item, or some."""
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(f"item {place} of {len(self)}")
        place %= len(self)
        page = bisect_right(self._starts, place) - 1
        return self._make(self._page(page)[place - self._starts[page]])

    def __len__(self) -> int:
        """Items."""
        return self._starts[-1]

    def __iter__(self) -> Iterator[T]:
        """The items, in order."""
        for page in range(len(self._places)):
            yield from map(self._make, self._page(page))

    def _page(self, page: int) -> list[Any]:
        if self._latest[0] != page:
            place, n_bytes = self._places[page]
            text = np.empty(n_bytes, np.uint8)
            self._spool.read_into(place, text)
            self._latest = (page, codec.from_json(text.tobytes().decode()))
        return self._latest[1]
