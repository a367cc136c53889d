"""When SQLite's write-ahead log moves into the database file.

SQLite before 3.51.3 can lose commits when a connection commits while another checkpoints
(sqlite.org/wal.html, "The WAL-Reset Bug"). So no connection checkpoints by itself, and the one
that is told to holds the write lock meanwhile: nobody, in any process, can commit or checkpoint
beside it. The checkpoint that SQLite makes when the last connection closes has the file to itself.
"""

import logging
import sqlite3
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from llm_eval.metrics.transactions import is_transient, original

_log = logging.getLogger(__name__)
_FIXED_IN = {(3, 44): 6, (3, 50): 7, (3, 51): 3}


def checkpoint(engine: Engine) -> None:
    """Move the log into the database as far as no reader needs it; does nothing on Postgres.

    Where another process has the write lock, the log waits for the next time. So it does where the
    disk is full or broken, which is a warning and no error: what was committed is durable and read
    from the log. A disk that stays broken meets the next commit or read, which says so.
    """
    if engine.dialect.name != "sqlite":
        return
    try:
        with engine.begin():
            _move(engine)
    except (DBAPIError, sqlite3.Error) as exc:
        if not is_transient(exc):
            _log.warning(
                "%s: its log could not be moved into it (%s); nothing is lost, it is read from "
                "%s-wal and moved the next time",
                engine.url.database,
                original(exc),
                engine.url.database,
            )


def size(engine: Engine) -> int:
    """Bytes in the write-ahead log."""
    file = Path(f"{engine.url.database}-wal")
    return file.stat().st_size if file.exists() else 0


def has_reset_bug(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite can lose commits when checkpoints and commits meet."""
    patch = _FIXED_IN.get(version[:2])
    return version < (3, 51, 0) if patch is None else version[2] < patch


def _move(engine: Engine) -> None:
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    finally:
        connection.close()
