"""Bringing a database to this release's schema.

A new database gets its tables at once; an old one is upgraded step by step by alembic, which is
imported only then. A newer one is refused: reading it wrongly would be worse.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select, text

from llm_eval.errors import ConfigError
from llm_eval.metrics.schema import VERSION, imperfect, metadata, results_imperfect, version
from llm_eval.metrics.transactions import reading, writing

RELEASES = ("0.1.0", "0.2.0", "0.3.0")
"""Every revision in `migrations/versions`, oldest first."""
MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 731_946
"""Any number: Postgres' name for the lock that one of two first runs waits for."""


def ensure_schema(engine: Engine) -> None:
    """Create or upgrade the tables.

    Raises:
        ConfigError: the database is of a newer release, or holds something else.
    """
    found = stored_version(engine)
    if found == VERSION:
        return
    if found is None:
        writing(engine, _create)
    elif found in RELEASES:
        upgrade(engine)
    else:
        raise newer_release(_shown(engine), found)


def newer_release(where: str, found: str) -> ConfigError:
    """What to say of a database whose schema is none of `RELEASES`."""
    return ConfigError(
        f"{where} was written by a newer llm-eval (schema {found}, this is {VERSION}); "
        f"upgrade with: pip install --upgrade llm-eval"
    )


def stored_version(engine: Engine) -> str | None:
    """The schema's release; None for an empty database.

    Raises:
        ConfigError: it has tables that are not ours.
        StoreError: it cannot be read.
    """
    with reading(engine) as connection:
        tables = set(inspect(connection).get_table_names())
        if version.name in tables:
            found: str | None = connection.scalar(select(version.c.version_num))
            return found
    if tables & set(metadata.tables):
        raise ConfigError(
            f"{_shown(engine)} holds tables of something else; name another database with --db"
        )
    return None


def upgrade(engine: Engine, migrations: Path = MIGRATIONS, release: str = "head") -> None:
    """Run the steps that the database lacks up to `release`, all in one transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")

    def run(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, release)

    writing(engine, run)


def _create(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        encoding = connection.scalar(text("SHOW server_encoding"))
        if encoding != "UTF8":
            raise ConfigError(
                f"{_shown(connection.engine)} has encoding {encoding}, which cannot hold every "
                f"text; make one with: createdb --encoding UTF8 --template template0 NAME"
            )
        results_imperfect.dialect_options["postgresql"]["where"] = imperfect
    metadata.create_all(connection)
    if connection.scalar(select(version.c.version_num)) is None:
        connection.execute(version.insert().values(version_num=VERSION))


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)
