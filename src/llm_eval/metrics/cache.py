"""The response cache: replies by request key, in the run database."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sqlalchemy import Delete, Engine, delete, func, select

from llm_eval.metrics import codec
from llm_eval.metrics.inserts import insert_rows
from llm_eval.metrics.key_filter import KeyFilter
from llm_eval.metrics.schema import cache
from llm_eval.metrics.transactions import explained, reading, writing
from llm_eval.models.caching import ASKING, hit
from llm_eval.types import ModelResponse

LOOK_EVERY_S = 0.1
"""How long what another process has put may stay unseen."""
MOST_TO_READ = 50_000
"""Keys that are read to spare look-ups: of more, reading them takes longer than it spares."""

Stored = tuple[float, str]
"""When it was stored (seconds since 1970), and the reply as JSON."""


class Sink(Protocol):
    """Takes rows of the cache: the writer of a run that is going on."""

    def put_cached(self, row: Callable[[], codec.Columns]) -> None:
        """Write the row with the next group."""


class StoredCache:
    """A `ResponseCache` on the run database.

    A look-up on SQLite bypasses SQLAlchemy: some 10 µs instead of 200; and of a key that is known
    not to be there it takes 1. On Postgres it happens in a thread, so that the event loop never
    waits for the network.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._recent: dict[str, tuple[float, ModelResponse]] = {}
        """What was put and cannot be read from the database yet."""
        self._sinks: list[Sink] = []
        self._connection: Any = None
        self._lock = threading.Lock()
        self._keys = KeyFilter() if engine.dialect.name == "sqlite" else None
        """None: they are not read, or too many."""
        self._last_row = 0
        """Up to which `_keys` has them."""
        self._next_look = float("-inf")

    async def get(self, key: str, *, max_age_s: float | None) -> ModelResponse | None:
        """The reply under `key`, unless it is older than `max_age_s`.

        Raises:
            StoreError: the database cannot be read.
        """
        if (recent := self._recent.get(key)) is not None:
            stored_at, response = recent
            return hit(response) if _is_fresh(stored_at, max_age_s) else None
        if self._engine.dialect.name == "sqlite":
            found = self._look_up(key)
        else:
            found = await asyncio.to_thread(self._look_up_remotely, key)
        if found is None or not _is_fresh(found[0], max_age_s):
            return None
        response, own = codec.response(found[1]), _paid_by()
        return response if own and found[1].startswith(own) else hit(response)

    def put(self, key: str, response: ModelResponse) -> None:
        """Remember a reply: with the next group of the run that is going on, else at once."""
        now, paid_by = time.time(), _paid_by()
        if self._keys is not None:
            self._keys.add(key)

        def row() -> codec.Columns:
            text = codec.response_json(response)
            return key, now, paid_by + text[1:] if paid_by else text

        if self._sinks:
            self._recent[key] = (now, response)
            self._sinks[-1].put_cached(row)
        else:
            writing(self._engine, lambda connection: insert_rows(connection, cache, [row()]))

    def attach(self, sink: Sink) -> None:
        """Write through `sink` from now on."""
        self._sinks.append(sink)

    def detach(self, sink: Sink) -> None:
        """No longer write through `sink`."""
        self._sinks.remove(sink)

    def on_durable(self, rows: Sequence[codec.Columns]) -> None:
        """These rows can be read from the database now."""
        for key, *_ in rows:
            self._recent.pop(key, None)

    def stats(self) -> dict[str, Any]:
        """Replies, bytes of text, and the ages of the oldest and the newest reply in seconds."""
        size = func.coalesce(func.sum(func.length(cache.c.response)), 0)
        query = select(
            func.count(), size, func.min(cache.c.created_at), func.max(cache.c.created_at)
        ).select_from(cache)
        with reading(self._engine) as connection:
            replies, n_bytes, oldest, newest = connection.execute(query).one()
        now = time.time()
        return {
            "replies": replies,
            "bytes": int(n_bytes),
            "oldest_s": None if oldest is None else max(0, round(now - oldest)),
            "newest_s": None if newest is None else max(0, round(now - newest)),
        }

    def prune(self, *, older_than_s: float | None = None, max_bytes: int | None = None) -> int:
        """Delete replies, and say how many; all of them where neither limit is given.

        Args:
            older_than_s: delete what is older.
            max_bytes: then delete the oldest until the texts of the rest fit.
        """
        limits: list[Delete] = []
        if older_than_s is not None or max_bytes is None:
            limits.append(
                delete(cache).where(cache.c.created_at <= time.time() - (older_than_s or 0))
            )
        if max_bytes is not None:
            limits.append(_oldest_beyond(max_bytes))
        self._recent.clear()
        return writing(
            self._engine,
            lambda connection: sum(connection.execute(limit).rowcount for limit in limits),
        )

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _look_up(self, key: str) -> Stored | None:
        if self._keys is not None and time.monotonic() >= self._next_look:
            self._read_keys()
        if self._keys is not None and not self._keys.may_hold(key):
            return None
        found: list[Stored] = self._fetch(
            "SELECT created_at, response FROM cache WHERE key = ?", key
        )
        return found[0] if found else None

    def _read_keys(self) -> None:
        """Those of rows that are new since the last time, whoever wrote them."""
        [(last,)] = self._fetch("SELECT coalesce(max(rowid), 0) FROM cache")
        if last < self._last_row:  # pruned: numbers of rows are given again
            self._last_row = 0
        if last - self._last_row > MOST_TO_READ:
            self._keys = None
            return
        if self._keys is not None and last > self._last_row:
            for (key,) in self._fetch("SELECT key FROM cache WHERE rowid > ?", self._last_row):
                self._keys.add(key)
        self._last_row = last
        self._next_look = time.monotonic() + LOOK_EVERY_S

    def _fetch(self, query: str, *values: object) -> list[Any]:
        """All rows at once: a statement left open would pin a snapshot."""
        with self._lock, explained(self._engine):
            if self._connection is None:
                self._connection = self._engine.raw_connection()
            rows: list[Any] = self._connection.driver_connection.execute(query, values).fetchall()
            return rows

    def _look_up_remotely(self, key: str) -> Stored | None:
        query = select(cache.c.created_at, cache.c.response).where(cache.c.key == key)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        return None if row is None else (row[0], row[1])


def _paid_by() -> str:
    """How the row of a reply begins that is asked for now; empty where nobody could ask again."""
    asking = ASKING.get()
    return f'{{"paid_by":{codec.to_json(asking)},' if asking else ""


def _is_fresh(stored_at: float, max_age_s: float | None) -> bool:
    return max_age_s is None or time.time() - stored_at <= max_age_s


def _oldest_beyond(max_bytes: int) -> Delete:
    newest_first = (cache.c.created_at.desc(), cache.c.key)
    running = func.sum(func.length(cache.c.response)).over(order_by=newest_first)
    sized = select(cache.c.key, running.label("running")).subquery()
    return delete(cache).where(
        cache.c.key.in_(select(sized.c.key).where(sized.c.running > max_bytes))
    )
