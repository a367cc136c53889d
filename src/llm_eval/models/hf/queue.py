"""One thread that feeds one base: requests wait in a pool, and leave it in batches of one kind.

A batch holds requests for one adapter whose prompts are about equally long, so that little of it
is padding. When the device's memory does not suffice, the batch is halved, and stays so.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from time import perf_counter, sleep

from llm_eval.models.hf.base import Base
from llm_eval.models.hf.choices import Choices
from llm_eval.models.hf.constraint import Constraints
from llm_eval.models.hf.decoding import (
    MOST_PADDING,
    Decoder,
    Row,
    common_prefix,
    end_tokens,
)
from llm_eval.models.hf.libraries import libraries, ran_out_of_memory
from llm_eval.models.hf.scoring import LikelihoodScorer
from llm_eval.models.hf.throughput import Throughput

_GATHER_S, _MOST_GATHERS = 0.01, 20
"""Requests that come within so many seconds of one another go together, up to so many times."""


@dataclass(slots=True)
class Waiting:
    """A request in the pool."""

    row: Row | Choices
    adapter: str | None
    future: "Future[float]"
    """Gets the seconds that its batch took."""

    @property
    def size(self) -> int:
        """The most tokens that it can come to."""
        return len(self.row.prompt) + self.row.limit


class Queue:
    """The pool of one base, and the thread that empties it."""

    def __init__(self, base: Base, max_rows: int, max_batch_tokens: int) -> None:
        self.base = base
        self.decoder = Decoder(base)
        self.scorer = LikelihoodScorer(base, self.decoder)
        vocabulary = base.model.config.get_text_config(decoder=True).vocab_size
        self.constraints = Constraints(base.tokenizer, vocabulary, end_tokens(base))
        self.max_rows, self.max_batch_tokens = max_rows, max_batch_tokens
        self._written, self._scored, self._busy_s = 0, 0, 0.0
        self._pool: list[Waiting] = []
        self._changed = threading.Condition()
        self._closed = False
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="hf", daemon=True)
        self._thread.start()

    def put(self, row: Row | Choices, adapter: str | None) -> "Future[float]":
        """Ask for a reply; the future is done when `row` is."""
        waiting = Waiting(row, adapter, Future())
        with self._changed:
            self._pool.append(waiting)
            self._changed.notify()
        return waiting.future

    def between_batches(self, work: Callable[[], None]) -> None:
        """Do something to the base while nothing is being written."""
        with self._writing:
            work()

    @property
    def throughput(self) -> Throughput:
        """What was done so far."""
        waste = self.decoder.waste
        return Throughput(
            self._written, self._scored, waste.computed, waste.padding, round(self._busy_s, 3)
        )

    def close(self) -> None:
        """Finish the batch that is being written, and refuse the rest."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            with self._writing:
                self._run(batch)

    def _next(self) -> list[Waiting] | None:
        with self._changed:
            while not self._pool and not self._closed:
                self._changed.wait()
        self._gather()
        with self._changed:
            if self._closed:
                for waiting in self._pool:
                    waiting.future.cancel()
                self._pool.clear()
                return None
            batch = choose(self._pool, self.max_rows, self.max_batch_tokens)
            taken = set(map(id, batch))
            self._pool = [waiting for waiting in self._pool if id(waiting) not in taken]
        return [waiting for waiting in batch if waiting.future.set_running_or_notify_cancel()]

    def _gather(self) -> None:
        """Let requests come that are on their way, so that the first batch is a full one."""
        for _ in range(_MOST_GATHERS):
            known = len(self._pool)
            sleep(_GATHER_S)
            if len(self._pool) == known or known >= 4 * self.max_rows:
                return

    def _run(self, batch: Sequence[Waiting]) -> None:
        """Write a batch; in halves where the memory does not suffice for the whole."""
        if batch and not self._fits(batch):
            # Outside of any `except`: a live traceback holds the tensors of what failed.
            self._halve(batch)

    def _fits(self, batch: Sequence[Waiting]) -> bool:
        """Work a batch off; false where it was too large for the memory, and nothing is done."""
        started = perf_counter()
        rows = [waiting.row for waiting in batch]
        try:
            self._do(rows, batch[0].adapter)
        except BaseException as exc:  # noqa: BLE001 - whoever waits must hear of it
            if len(batch) > 1 and ran_out_of_memory(exc):
                return False
            for waiting in batch:
                waiting.future.set_exception(exc)
            return True
        took = perf_counter() - started
        self._busy_s += took
        self._written += sum(len(row.tokens) for row in rows if isinstance(row, Row))
        self._scored += sum(row.n_tokens for row in rows if isinstance(row, Choices))
        for waiting in batch:
            waiting.future.set_result(took)
        return True

    def _do(self, rows: Sequence[Row | Choices], adapter: str | None) -> None:
        if replies := [row for row in rows if isinstance(row, Row)]:
            self.decoder.write(replies, adapter)
        if choices := [row for row in rows if isinstance(row, Choices)]:
            self.scorer.score(choices, adapter)

    def _halve(self, batch: Sequence[Waiting]) -> None:
        torch, _ = libraries()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        half = len(batch) // 2
        self.max_rows = max(1, min(self.max_rows, half))
        for waiting in batch:
            waiting.row.restart()
        self._run(batch[:half])
        self._run(batch[half:])


def choose(pool: Sequence[Waiting], max_rows: int, max_batch_tokens: int) -> list[Waiting]:
    """The next batch: of the oldest request's adapter and kind, the longest first.

    The longest come first so that what does not fit is known early, and so that the batch that
    takes longest is not the last. What is only read ends where more than a tenth would be
    padding; replies do not, since a step costs the same for few rows as for many.
    """
    adapter, kind = pool[0].adapter, type(pool[0].row)
    same = sorted(
        (w for w in pool if w.adapter == adapter and isinstance(w.row, kind)),
        key=lambda w: -(len(w.row.prompt) if kind is Row else w.size),
    )
    shared = len(common_prefix([w.row.prompt for w in same])) if kind is Choices else 0
    batch: list[Waiting] = []
    largest = needed = 0
    for waiting in same:
        largest = max(largest, waiting.size)
        needed += waiting.size - shared
        computed = (largest - shared) * (len(batch) + 1)
        padded = kind is Choices and needed < (1 - MOST_PADDING) * computed
        too_large = largest * (len(batch) + 1) > max_batch_tokens
        if batch and (padded or too_large or len(batch) >= max_rows):
            break
        batch.append(waiting)
    return batch
