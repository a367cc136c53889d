"""Opening a database: `sqlite:///.llm_eval/runs.db` or `postgresql://USER@HOST/NAME`.

SQLite runs in WAL mode with synchronous=FULL: what was committed survives a power cut. A write
transaction takes its lock when it begins (BEGIN IMMEDIATE), so that it waits for another writer
instead of failing half-way. Nothing checkpoints by itself: `write_ahead_log.py` does.
"""

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from llm_eval.errors import ConfigError
from llm_eval.metrics.filesystem import network_filesystem

DEFAULT_URL = "sqlite:///.llm_eval/runs.db"
BUSY_TIMEOUT_S = 30
_PRAGMAS = (
    f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "wal_autocheckpoint=0",
    f"journal_size_limit={64 << 20}",
    f"cache_size=-{8 << 10}",
)


def database_url(given: str | None) -> URL:
    """`given`, else `$LLM_EVAL_DB`, else a SQLite file in the working directory.

    Args:
        given: a URL, or the name of a SQLite file. What holds a colon is no file's name: a URL
            with a slip in it would make an empty database.

    Raises:
        ConfigError: it is no URL of a database that can be used.
    """
    text = given or os.environ.get("LLM_EVAL_DB") or DEFAULT_URL
    try:
        url = make_url(text) if ":" in text else URL.create("sqlite", database=text)
    except ArgumentError:
        raise ConfigError(
            f"database {text!r} is no URL; write FILE, sqlite:///FILE or "
            f"postgresql://USER@HOST/NAME"
        ) from None
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql")
    if backend != "sqlite":
        shown = url.render_as_string(hide_password=True)
        raise ConfigError(f"database {shown!r}: use sqlite:///FILE or postgresql://USER@HOST/NAME")
    if url.database in (None, "", ":memory:"):
        raise ConfigError(
            f"database {text!r} is in memory, which the writer's thread cannot share; name a file"
        )
    return url


def require_database(given: str | None) -> None:
    """Refuse a SQLite file that is not there: to open it would make an empty one.

    Raises:
        ConfigError: `given` is no URL of a database that can be used, or there is no such file.
    """
    url = database_url(given)
    file = Path(url.database or "")
    if url.get_backend_name() == "sqlite" and "uri" not in url.query and not file.exists():
        raise ConfigError(
            f"there is no database {file}: name another with --db or $LLM_EVAL_DB, or make it "
            f"with llm-eval run"
        )


def open_engine(url: URL) -> Engine:
    """An engine for a `database_url`; its connections are made when they are used.

    Raises:
        ConfigError: the driver for Postgres is not installed; the directory for a SQLite file
            cannot be made, or is no local disk.
    """
    return _sqlite(url) if url.get_backend_name() == "sqlite" else _postgres(url)


def _sqlite(url: URL) -> Engine:
    file = Path(url.database or "")
    if "uri" not in url.query:
        file = file.absolute()  # a later chdir must not open another file
        if file.is_dir():
            raise ConfigError(f"{file} is a directory; name a file: --db sqlite:///{file}/runs.db")
        _make_directory(file.parent)
        url = url.set(database=str(file))
    if kind := network_filesystem(file.parent):
        raise ConfigError(
            f"{file} is on a network filesystem ({kind}), where SQLite loses data; "
            f"name a local file or a Postgres with --db"
        )
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, max_overflow=-1)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(
            f"{directory}: cannot make the database's directory ({exc.strerror}); "
            f"name another place with --db"
        ) from exc


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where sqlite3 thinks
    for pragma in _PRAGMAS:
        _set(connection, pragma)


def _set(connection: sqlite3.Connection, pragma: str) -> None:
    """Set it; the change to WAL ignores busy_timeout when several processes make it at once."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute(f"PRAGMA {pragma}")
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get("reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _postgres(url: URL) -> Engine:
    defaults = {"application_name": "llm-eval", "connect_timeout": "10"}
    arguments = {name: value for name, value in defaults.items() if name not in url.query}
    arguments["client_encoding"] = "utf8"
    try:
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args=arguments,
            pool_pre_ping=True,
            max_overflow=-1,
        )
    except ModuleNotFoundError:
        raise ConfigError(
            "postgresql:// needs its driver: pip install 'llm-eval[postgres]'"
        ) from None
