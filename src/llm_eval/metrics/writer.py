"""Writing a run: one thread, group commits.

Workers hand rows over and go on; the thread takes all that has gathered, writes it in one
transaction and commits. While one commit waits for the disk the next group gathers, so a lone row
is durable after one fsync and thousands a second cost no more.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

from llm_eval.errors import EvalError, StoreError
from llm_eval.metrics import codec, schema
from llm_eval.metrics.cache import StoredCache
from llm_eval.metrics.engine import checkpoint, writing
from llm_eval.types import ModelResponse, Prompt, Sample, SampleResult

Kind = Literal["samples", "responses", "results", "cache"]
MAX_BACKLOG = 4096
"""Rows handed over and not yet durable, before a worker is made to wait."""
MAX_GROUP = 1000
_CHECKPOINT_EVERY = 20_000
"""Rows between two checkpoints: keeps the write-ahead log at some ten MB."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row on its way; built in the writer's thread, off the event loop."""

    kind: Kind
    build: Callable[[], Mapping[str, Any]]
    durable: asyncio.Future[None] | None = None


@dataclass(slots=True)
class _Group:
    entries: list[_Entry] = field(default_factory=list)
    closing: bool = False


class RunWriter:
    """Writes one run's replies and results. Used from one event loop, as a context manager."""

    def __init__(self, engine: Engine, run: int, best: float, cache: StoredCache) -> None:
        self._engine = engine
        self._run = run
        self._best = best
        self._cache = cache
        self._queue: SimpleQueue[_Entry | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="llm-eval-writer")
        self._backlog = 0
        self._since_checkpoint = 0
        self._error: EvalError | None = None
        self._known_samples: set[str] = set()

    async def __aenter__(self) -> "RunWriter":
        """Start the thread."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        self._cache.sink = self
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what is left, stop the thread, and raise what went wrong there."""
        self._cache.sink = None
        self._queue.put(None)
        await asyncio.shield(asyncio.to_thread(self._thread.join))
        if self._error is not None and error is None:
            raise self._error

    async def put_response(
        self,
        index: int,
        epoch: int,
        sample: Sample,
        prompt: Prompt,
        response: ModelResponse,
        request_key: str,
    ) -> None:
        """Store a reply; returns when it is durable.

        Raises:
            StoreError: it could not be written.
        """
        self._put("samples", lambda: codec.sample_row(sample))
        durable = self._loop.create_future()
        self._put(
            "responses",
            lambda: codec.response_row(self._run, index, epoch, request_key, prompt, response),
            durable,
        )
        await durable

    async def put_result(self, result: SampleResult) -> None:
        """Store a result, its scores and the done-mark in one row; durable with the next group.

        A second result for the same (index, epoch) replaces a failed one and is ignored otherwise.

        Raises:
            StoreError: an earlier row could not be written.
        """
        if result.response is None:
            self._put("samples", lambda: codec.sample_row(result.sample))
        self._put("results", lambda: codec.result_row(self._run, result, self._best))
        if self._backlog > MAX_BACKLOG:
            await self.flush()

    def put_cached(self, row: Callable[[], Mapping[str, Any]]) -> None:
        """Store a row of the response cache with the next group."""
        self._put("cache", row)

    async def flush(self) -> None:
        """Wait until all that was handed over is durable."""
        durable = self._loop.create_future()
        self._put("cache", dict, durable)
        await durable

    def _put(
        self,
        kind: Kind,
        build: Callable[[], Mapping[str, Any]],
        durable: asyncio.Future[None] | None = None,
    ) -> None:
        if self._error is not None:
            raise self._error
        self._backlog += 1
        self._queue.put(_Entry(kind, build, durable))

    def _write_all(self) -> None:
        """The thread: group after group until the queue is closed."""
        closing = False
        while not closing:
            group = self._gather()
            closing = group.closing
            if self._error is None:
                try:
                    self._write(group.entries)
                except EvalError as exc:
                    self._error = exc
                except Exception as exc:  # noqa: BLE001 - must reach the workers, not die here
                    self._error = StoreError(f"a row cannot be stored: {exc!r}")
            self._announce(group.entries)
        if self._error is None:
            self._checkpoint()

    def _gather(self) -> _Group:
        """Wait for one entry, then take all that is there."""
        group = _Group()
        entry = self._queue.get()
        while True:
            if entry is None:
                group.closing = True
                return group
            group.entries.append(entry)
            if self._queue.empty() or len(group.entries) >= MAX_GROUP:
                return group
            entry = self._queue.get()

    def _write(self, entries: Sequence[_Entry]) -> None:
        rows: dict[Kind, list[Mapping[str, Any]]] = {}
        for entry in entries:
            if row := entry.build():
                rows.setdefault(entry.kind, []).append(row)
        rows["samples"] = self._new_samples(rows.get("samples", []))

        def insert(connection: Connection) -> None:
            for kind in ("samples", "responses", "results", "cache"):
                if rows.get(kind):
                    connection.execute(_statement(kind, self._engine.dialect.name), rows[kind])

        writing(self._engine, insert)
        self._since_checkpoint += len(entries)
        if self._since_checkpoint >= _CHECKPOINT_EVERY:
            self._checkpoint()

    def _new_samples(self, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Samples not written a moment ago: epochs of one sample come close together."""
        if len(self._known_samples) > MAX_BACKLOG:
            self._known_samples.clear()
        new = {row["key"]: row for row in rows if row["key"] not in self._known_samples}
        self._known_samples |= new.keys()
        return list(new.values())

    def _checkpoint(self) -> None:
        self._since_checkpoint = 0
        checkpoint(self._engine)

    def _announce(self, entries: Sequence[_Entry]) -> None:
        """Tell the waiting workers, once for the whole group."""
        waiting = [entry.durable for entry in entries if entry.durable is not None]
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle, waiting, len(entries))

    def _settle(self, waiting: Sequence[asyncio.Future[None]], n: int) -> None:
        self._backlog -= n
        for future in waiting:
            if future.done():  # cancelled while it waited
                continue
            if self._error is not None:
                future.set_exception(self._error)
            else:
                future.set_result(None)


_TABLES: Mapping[Kind, Table] = {
    "samples": schema.samples,
    "responses": schema.responses,
    "results": schema.results,
    "cache": schema.cache,
}


def _statement(kind: Kind, dialect: str) -> Any:
    """Insert a row unless it is there; a failed result gives way to a new one."""
    table = _TABLES[kind]
    dialects = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
    statement: Any = dialects[dialect](table)
    if kind == "results":
        own = [c.name for c in table.primary_key]
        return statement.on_conflict_do_update(
            index_elements=own,
            set_={c.name: statement.excluded[c.name] for c in table.columns if c.name not in own},
            where=table.c.status == "failed",
        )
    if kind == "cache":
        return statement.on_conflict_do_update(
            index_elements=["key"],
            set_={name: statement.excluded[name] for name in ("created_at", "response")},
        )
    return statement.on_conflict_do_nothing()
