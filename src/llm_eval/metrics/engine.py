"""Connections: how SQLite and Postgres are opened so that nothing committed is ever lost.

SQLite runs in WAL mode with synchronous=FULL; a write transaction takes its lock when it begins
(BEGIN IMMEDIATE), so that it waits for another writer instead of failing half-way. Versions before
3.51.3 can lose commits when two connections checkpoint at a bad moment; here only one connection
on a machine ever checkpoints, under a lock beside the database (`checkpoint`).
"""

import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from llm_eval.errors import ConfigError, StoreError

T = TypeVar("T")

DEFAULT_URL = "sqlite:///.llm_eval/runs.db"
BUSY_TIMEOUT_S = 30
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
    "foreign_keys=ON",
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "wal_autocheckpoint=0",
)
_RETRIED = re.compile(
    "database is locked|database is busy|deadlock detected|could not serialize|"
    "connection .*(closed|lost|refused|reset)|terminating connection|the database system is",
    re.IGNORECASE,
)
_ATTEMPTS = 8


def open_engine(url: str | None) -> Engine:
    """An engine for `url`, else `$LLM_EVAL_DB`, else a SQLite file in the working directory.

    Raises:
        ConfigError: the URL is none, or its driver is not installed.
        StoreError: the directory for a SQLite file cannot be made.
    """
    given = url or os.environ.get("LLM_EVAL_DB") or DEFAULT_URL
    try:
        parsed = make_url(given)
    except ArgumentError:
        raise ConfigError(
            f"database {given!r} is no URL; write sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _sqlite(parsed)
    if backend == "postgresql":
        return _postgres(parsed)
    raise ConfigError(f"database {given!r}: use sqlite:///FILE or postgresql://USER@HOST/NAME")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for reads: one consistent snapshot, no write lock."""
    with translated(engine), engine.connect() as connection:
        yield connection.execution_options(reads=True)


def writing(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run `work` in one write transaction; a lost race with another writer is tried again.

    Raises:
        StoreError: it cannot be written; nothing of `work` is kept.
    """
    with translated(engine):
        for attempt in range(_ATTEMPTS):
            try:
                with engine.begin() as connection:
                    return work(connection)
            except DBAPIError as exc:
                if attempt == _ATTEMPTS - 1 or not _RETRIED.search(str(exc.orig)):
                    raise
                time.sleep(min(2.0, 0.05 * 2**attempt))
    raise AssertionError("unreachable")


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Database errors as `StoreError`, with what to do about them."""
    try:
        yield
    except DBAPIError as exc:
        where = engine.url.render_as_string(hide_password=True)
        raise StoreError(f"{where}: {exc.orig}; {_remedy(str(exc.orig))}") from exc


def checkpoint(engine: Engine) -> None:
    """Move the write-ahead log into the database, unless somebody else is doing it."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return
    with _checkpoint_lock(Path(f"{engine.url.database}-checkpoint")) as mine:
        if mine:
            with engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.execute(text("PRAGMA wal_checkpoint(PASSIVE)"))


def has_wal_reset_bug(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite can lose commits when two connections checkpoint (fixed in 3.51.3)."""
    patched = {(3, 44): 6, (3, 50): 7, (3, 51): 3}
    fixed = patched.get(version[:2])
    return version < (3, 51) if fixed is None else version[2] < fixed


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        directory = Path(url.database).parent
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise StoreError(f"{directory}: cannot make the database's directory: {exc}") from exc
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where sqlite3 thinks
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get("reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _postgres(url: URL) -> Engine:
    try:
        return create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    except (ModuleNotFoundError, NoSuchModuleError):
        raise ConfigError(
            "postgresql:// needs its driver: pip install 'llm-eval[postgres]'"
        ) from None


@contextmanager
def _checkpoint_lock(path: Path) -> Iterator[bool]:
    """An operating-system lock; yields whether it is ours."""
    try:
        import fcntl
    except ImportError:  # Windows: one process only
        yield True
        return
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def _remedy(message: str) -> str:
    known = {
        "unable to open": "check that the directory exists and can be written",
        "readonly": "the file or its directory cannot be written",
        "disk is full": "free some space, then go on with: llm-eval run --resume RUN",
        "malformed": "the file is damaged: restore a copy; llm-eval doctor says more",
        "not a database": "the file is something else; name another with --db",
        "locked": "another process holds it; try again when it is done",
    }
    lowered = message.lower()
    return next((r for k, r in known.items() if k in lowered), "llm-eval doctor may say more")
