"""Old databases become new ones; what is not ours, or newer, is left alone."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData, create_engine, inspect, text

from llm_eval.errors import ConfigError
from llm_eval.metrics import schema
from llm_eval.metrics.engine import database_url as parsed
from llm_eval.metrics.engine import open_engine
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.metrics.upgrade import RELEASES, stored_version, upgrade


def shape(engine: Engine) -> dict[str, object]:
    """Columns, keys and indexes of every table, in words that both ways of making them share."""
    found = MetaData()
    found.reflect(engine)
    return {
        name: (
            [(c.name, str(c.type), c.nullable, c.primary_key) for c in table.columns],
            sorted((i.name, tuple(c.name for c in i.columns)) for i in table.indexes),
        )
        for name, table in found.tables.items()
        if name != "alembic_version"
    }


def test_migrating_an_empty_database_gives_the_schema_of_today(
    database_url: str, tmp_path: Path
) -> None:
    with MetricsStorage(database_url) as storage:
        expected = shape(storage._engine)
        with storage._engine.begin() as connection:
            schema.metadata.drop_all(connection)
        upgrade(storage._engine)
        assert shape(storage._engine) == expected
        assert stored_version(storage._engine) == RELEASES[-1]


@pytest.mark.parametrize("release", RELEASES[:-1])
def test_a_database_of_an_older_release_keeps_what_is_in_it(release: str, tmp_path: Path) -> None:
    old = Path(__file__).parent / "databases" / f"v{release.replace('.', '_')}.db"
    copy = tmp_path / "runs.db"
    copy.write_bytes(old.read_bytes())
    with MetricsStorage(f"sqlite:///{copy}") as storage:
        assert stored_version(storage._engine) == schema.VERSION
        run = storage.get_run("main")
        assert run.status == "complete"
        assert len(list(storage.results(run.run_id))) == 3
        assert storage.lineage.find("anything") == []


@pytest.mark.parametrize("release", RELEASES[:-1])
def test_an_older_database_of_either_kind_keeps_its_runs(release: str, database_url: str) -> None:
    engine = open_engine(parsed(database_url))
    upgrade(engine, release=release)
    with engine.begin() as connection:
        connection.execute(
            schema.runs.insert().values(
                run_id="run_old", task="qa", model="m", status="complete", n_total=0, recipe="{}",
                created_at="2025-01-01T00:00:00+00:00",
            )
        )  # fmt: skip
    assert stored_version(engine) == release
    engine.dispose()
    with MetricsStorage(database_url) as storage:
        assert stored_version(storage._engine) == schema.VERSION
        assert storage.get_run("run_old").status == "complete"


def test_opening_twice_changes_nothing(database_url: str) -> None:
    for _ in range(2):
        with MetricsStorage(database_url) as storage:
            assert stored_version(storage._engine) == schema.VERSION


def test_somebody_elses_tables_are_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/other.db"
    other = create_engine(url)
    with other.begin() as connection:
        connection.execute(text("CREATE TABLE runs (x INTEGER)"))
    other.dispose()
    with pytest.raises(ConfigError, match="holds tables of something else"):
        MetricsStorage(url)
    engine = open_engine(parsed(url))
    assert inspect(engine).get_table_names() == ["runs"]
    engine.dispose()


def test_a_search_for_failures_has_an_index_of_them_alone(database_url: str) -> None:
    """Also on Postgres, which is told of it apart, so that SQLite need not load its dialect."""
    with MetricsStorage(database_url) as storage:
        (index,) = [
            index
            for index in inspect(storage._engine).get_indexes("results")
            if index["name"] == "results_imperfect"
        ]
    options = index["dialect_options"].items()
    (where,) = [value for name, value in options if name.endswith("_where")]
    assert "perfect = 0" in str(where)


def test_a_database_in_sqlite_loads_nothing_of_postgres(tmp_path: Path) -> None:
    code = (
        "import sys; from llm_eval import MetricsStorage;"
        f"MetricsStorage('sqlite:///{tmp_path}/runs.db').cache().stats();"
        "print(*(name for name in sys.modules if 'postgres' in name))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
