"""Reads and writes: retried where a retry helps, and otherwise explained.

A write may be run twice: when the connection breaks during COMMIT, nobody knows whether it was
kept. So every write here is idempotent: rows are inserted under their own key, and a row that is
already there is left alone.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, TypeVarTuple

from sqlalchemy import Connection, CursorResult, Engine, Select
from sqlalchemy.exc import DBAPIError

from llm_eval.errors import ConfigError, StoreError
from llm_eval.metrics.codec import SAVE_THE_REST

T = TypeVar("T")
Columns = TypeVarTuple("Columns")

PATIENCE_S = 120.0
"""How long a write waits for other writers, or for a server that restarts."""
_LONGEST_PAUSE_S = 2.0
_SERIALIZATION_FAILURE, _DEADLOCK = "40001", "40P01"
_CONNECTION, _SHUTDOWN = "08", "57P"
_SHOWN_TEXT = " with text "
"""Where Python shows a stored text that is no UTF-8: all of it."""


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for reads: one consistent snapshot, no write lock.

    Raises:
        StoreError: the database cannot be read.
    """
    with explained(engine), engine.connect() as connection:
        yield connection.execution_options(reads=True)


@contextmanager
def streaming(
    engine: Engine, query: Select[*Columns], page: int
) -> Iterator[CursorResult[*Columns]]:
    """The answer to a query, read `page` rows at a time.

    The cursor is closed with it, also where nobody asked for the last row: on Postgres it is open
    in the server.

    Raises:
        StoreError: the database cannot be read.
    """
    with (
        reading(engine) as connection,
        connection.execution_options(yield_per=page).execute(query) as answer,
    ):
        yield answer


def writing(
    engine: Engine, work: Callable[[Connection], T], *, patience_s: float = PATIENCE_S
) -> T:
    """Run `work` in one write transaction; where another writer or a restart is in the way, again.

    Args:
        engine: of the database.
        work: must be idempotent.
        patience_s: when to give up.

    Raises:
        StoreError: it cannot be written; nothing of `work` is kept.
    """
    with explained(engine):
        deadline, pause_s = time.monotonic() + patience_s, 0.02
        while True:
            try:
                with engine.begin() as connection:
                    return work(connection)
            except DBAPIError as exc:
                if not is_transient(exc) or time.monotonic() >= deadline:
                    raise
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


@contextmanager
def explained(engine: Engine) -> Iterator[None]:
    """Database errors as `StoreError`, with what to do about them; a wrong file: `ConfigError`.

    SQLite's own too, which come where a connection is used without SQLAlchemy.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as exc:
        where = engine.url.render_as_string(hide_password=True)
        said = " ".join(str(original(exc)).partition(_SHOWN_TEXT)[0].split())
        kind = ConfigError if _sqlite_error(exc) == "NOTADB" else StoreError
        raise kind(f"{where}: {said}; {_remedy(exc)}") from exc


def is_transient(error: DBAPIError | sqlite3.Error) -> bool:
    """Whether the same write may succeed a moment later."""
    invalidated = isinstance(error, DBAPIError) and error.connection_invalidated
    if invalidated or _sqlite_error(error) in ("BUSY", "PROTOCOL"):
        return True
    state = _sql_state(error)
    if state is None:  # Postgres that cannot be reached gives no state
        return _sqlite_error(error) is None and type(original(error)).__name__ == "OperationalError"
    return state in (_SERIALIZATION_FAILURE, _DEADLOCK) or state.startswith(
        (_CONNECTION, _SHUTDOWN)
    )


def original(error: DBAPIError | sqlite3.Error) -> BaseException | None:
    """What the driver itself raised."""
    return error.orig if isinstance(error, DBAPIError) else error


def _sqlite_error(error: DBAPIError | sqlite3.Error) -> str | None:
    """`BUSY`, `FULL`, `CORRUPT`, …: the primary part of `SQLITE_BUSY_SNAPSHOT` and its like."""
    raised = original(error)
    name: str | None = getattr(raised, "sqlite_errorname", None)
    if name is None and isinstance(raised, sqlite3.OperationalError):
        return "CORRUPT"  # Python's own: a text is no UTF-8
    return None if name is None else name.split("_")[1]


def _sql_state(error: DBAPIError | sqlite3.Error) -> str | None:
    state: str | None = getattr(original(error), "sqlstate", None)
    return state


_REMEDIES = {
    "BUSY": "another process holds it; try again when that is done",
    "CANTOPEN": "check that the directory exists and can be written",
    "CORRUPT": (
        "the file is damaged or cannot be read: llm-eval doctor says how far; restore a copy, or "
        f"{SAVE_THE_REST}"
    ),
    "FULL": "free some space, then go on with: llm-eval run --resume RUN",
    "IOERR": (
        "check the disk, its free space and its quota, then go on with: llm-eval run --resume RUN"
    ),
    "NOTADB": (
        "the file is something else, or its beginning is lost: name another with --db, restore a "
        f"copy, or {SAVE_THE_REST}"
    ),
    "PERM": "its file and directory must be writable",
    "READONLY": "its file and directory must be writable",
    "08": "check that the server runs and can be reached",
    "28": "check user and password",
    "3D": "make the database first: createdb NAME",
    "42501": "the user needs the right to create and write tables",
    "53100": "free some space on the server, then go on with: llm-eval run --resume RUN",
    "57P": "the server is going down; go on later with: llm-eval run --resume RUN",
}


def _remedy(error: DBAPIError | sqlite3.Error) -> str:
    state = _sql_state(error)
    known = _sqlite_error(error) or state
    if known is None and is_transient(error):
        known = _CONNECTION
    for length in (len(known or ""), 5, 3, 2):
        if known and known[:length] in _REMEDIES:
            return _REMEDIES[known[:length]]
    return "llm-eval doctor may say more"
