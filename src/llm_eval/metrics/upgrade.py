"""Bringing a database to this release's schema.

A new database gets its tables at once; an old one is upgraded step by step by alembic, which is
imported only then. A newer one is refused: reading it wrongly would be worse.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select, text

from llm_eval.errors import StoreError
from llm_eval.metrics.engine import reading, writing
from llm_eval.metrics.schema import VERSION, metadata, version

RELEASES = ("0.1.0",)
"""Every revision in `migrations/versions`, oldest first."""


def ensure_schema(engine: Engine) -> None:
    """Create or upgrade the tables.

    Raises:
        StoreError: the database is of a newer release, or holds something else.
    """
    found = stored_version(engine)
    if found == VERSION:
        return
    if found is None:
        writing(engine, _create)
    elif found in RELEASES:
        _upgrade(engine)
    else:
        where = engine.url.render_as_string(hide_password=True)
        raise StoreError(
            f"{where} was written by a newer llm-eval (schema {found}, this is {VERSION}); "
            f"upgrade with: pip install --upgrade llm-eval"
        )


def stored_version(engine: Engine) -> str | None:
    """The schema's release; None for an empty database.

    Raises:
        StoreError: there are tables, but not ours.
    """
    with reading(engine) as connection:
        tables = set(inspect(connection).get_table_names())
        if version.name in tables:
            return connection.scalar(select(version.c.version_num))
    if tables & set(metadata.tables):
        where = engine.url.render_as_string(hide_password=True)
        raise StoreError(f"{where} holds tables of something else; name another with --db")
    return None


def _create(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # two first runs at once: the second waits
        connection.execute(text("SELECT pg_advisory_xact_lock(731946)"))
    metadata.create_all(connection)
    if connection.scalar(select(version.c.version_num)) is None:
        connection.execute(version.insert().values(version_num=VERSION))


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))

    def upgrade(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    writing(engine, upgrade)
