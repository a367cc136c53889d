"""One thread that writes rows in groups, so that durability costs one fsync a group.

Producers hand rows over and go on; the thread takes all that has gathered, writes it in one
transaction and commits. A lone row is durable after one fsync; under load there are at most a
fifty commits a second, and each carries what has gathered since the one before.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from queue import SimpleQueue
from typing import NamedTuple

from sqlalchemy import Connection, Engine, Table

from llm_eval.errors import EvalError, StoreError, boundary
from llm_eval.metrics.codec import Columns
from llm_eval.metrics.inserts import insert_rows
from llm_eval.metrics.transactions import writing
from llm_eval.metrics.write_ahead_log import checkpoint

PACE_S = 0.02
"""From the start of one commit to the start of the next, under load."""
ENOUGH = 200
"""Rows that need not wait for more."""
MAX_GROUP = 1000
CHECKPOINT_EVERY = 20_000
"""Rows between two checkpoints: keeps the write-ahead log at some ten MB."""

Row = tuple[Table, Callable[[], Columns]]
Groups = Mapping[Table, Sequence[Columns]]
Waiting = asyncio.Future[None]


class _Entry(NamedTuple):
    """A row on its way; it is built in the thread, off the event loop."""

    table: Table | None
    """None: no row, only a wish to know when all before it is durable."""
    build: Callable[[], Columns]
    durable: Waiting | None
    also: Sequence["Row"] = ()
    """Rows that are written in the same transaction."""


class GroupCommit:
    """Rows in, durable rows out. Made for one event loop, and used from it only.

    What fails is raised to everybody who waits for a row, at every later `put`, and by `close`.
    What was committed before stays.
    """

    def __init__(
        self,
        engine: Engine,
        order: Sequence[Table],
        on_durable: Callable[[Groups], None] = lambda _rows: None,
    ) -> None:
        """Start the thread.

        Args:
            engine: of the database.
            order: the tables that are written, in this order within a transaction.
            on_durable: called in the thread after each commit.
        """
        self._engine = engine
        self._order = order
        self._on_durable = on_durable
        self._loop = asyncio.get_running_loop()
        self._closed = self._loop.create_future()
        self._queue: SimpleQueue[_Entry | None] = SimpleQueue()
        self._error: EvalError | None = None
        self._told = False
        self._next_commit = 0.0
        self._since_checkpoint = 0
        self.backlog = 0
        """Rows handed over and not yet durable."""
        # A daemon: whoever leaves without `close` must not hang the process. Nothing that was
        # acknowledged is lost, and SQLite rolls back the rest.
        self._thread = threading.Thread(target=self._run, name="llm-eval-writer", daemon=True)
        self._thread.start()

    def put(self, table: Table, build: Callable[[], Columns], also: Sequence[Row] = ()) -> None:
        """Hand a row over, and others that are written with it; `build` makes it, in the thread.

        Raises:
            StoreError: an earlier row could not be written.
        """
        self._put(_Entry(table, build, None, also))

    def put_waiting(
        self, table: Table, build: Callable[[], Columns], also: Sequence[Row] = ()
    ) -> Waiting:
        """Hand a row over; the future is done when it is durable.

        Raises:
            StoreError: an earlier row could not be written.
        """
        durable = self._loop.create_future()
        self._put(_Entry(table, build, durable, also))
        return durable

    async def flush(self) -> None:
        """Wait until all that was handed over is durable.

        Raises:
            StoreError: some of it could not be written.
        """
        durable = self._loop.create_future()
        self._put(_Entry(None, tuple, durable))
        await durable

    async def close(self, error: BaseException | None = None) -> None:
        """Write what is left and end the thread. A cancellation waits until that is done.

        Args:
            error: with which the caller is leaving, if any.

        Raises:
            StoreError: a row could not be written, and nobody was told or `error` is None.
        """
        self._queue.put(None)
        cancelled = None
        while not self._closed.done():
            try:
                await asyncio.shield(self._closed)
            except asyncio.CancelledError as exc:
                cancelled = exc
        self._thread.join()
        if self._error is not None and (error is None or not self._told):
            raise self._error from error
        if cancelled is not None:
            raise cancelled

    def _put(self, entry: _Entry) -> None:
        if self._error is not None:
            self._told = True
            raise self._error
        self.backlog += 1
        self._queue.put(entry)

    def _settle(self, entries: Sequence[_Entry], error: EvalError | None) -> None:
        """In the event loop: wake all who wait for this group."""
        self.backlog -= len(entries)
        for _, _, durable, _ in entries:
            if durable is None or durable.done():  # done: cancelled while it waited
                continue
            if error is None:
                durable.set_result(None)
            else:
                self._told = True
                durable.set_exception(error)

    # ---- in the thread ----

    def _run(self) -> None:
        closing = False
        while not closing:
            entries, closing = self._gather()
            self._attempt(partial(self._commit, entries))
            self._call_in_loop(partial(self._settle, entries, self._error))
        self._attempt(self._checkpoint)
        self._call_in_loop(partial(self._closed.set_result, None))

    def _gather(self) -> tuple[list[_Entry], bool]:
        """Wait for one entry and, under load, for more; and whether this is the last group."""
        entries: list[_Entry] = []
        entry = self._queue.get()
        pause_s = self._next_commit - time.monotonic()
        if pause_s > 0 and entry is not None and self._queue.qsize() < ENOUGH:
            time.sleep(pause_s)
        self._next_commit = time.monotonic() + PACE_S
        while entry is not None:
            entries.append(entry)
            if self._queue.empty() or len(entries) >= MAX_GROUP:
                return entries, False
            entry = self._queue.get()
        return entries, True

    def _attempt(self, work: Callable[[], None]) -> None:
        """Do it, unless something failed before; the first failure is kept."""
        if self._error is not None:
            return
        try:
            with boundary(StoreError, "a row cannot be stored"):
                work()
        except EvalError as exc:
            self._error = exc

    def _commit(self, entries: Sequence[_Entry]) -> None:
        rows: dict[Table, list[Columns]] = {table: [] for table in self._order}
        for entry in entries:
            if entry.table is not None:
                rows[entry.table].append(entry.build())
            for table, build in entry.also:
                rows[table].append(build())

        def insert(connection: Connection) -> None:
            for table in self._order:
                insert_rows(connection, table, rows[table])

        writing(self._engine, insert)
        self._on_durable(rows)
        self._since_checkpoint += len(entries)
        if self._since_checkpoint >= CHECKPOINT_EVERY:
            self._checkpoint()

    def _checkpoint(self) -> None:
        self._since_checkpoint = 0
        checkpoint(self._engine)

    def _call_in_loop(self, work: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(work)
        except RuntimeError:  # the loop was closed by somebody who did not wait for `close`
            self._error = self._error or StoreError("the event loop ended before its writer")
