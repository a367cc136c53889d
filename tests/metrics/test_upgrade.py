"""Old databases become new ones; what is not ours, or newer, is left alone."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    ColumnClause,
    Engine,
    MetaData,
    column,
    create_engine,
    insert,
    inspect,
    select,
    table,
    text,
)

from llm_eval.errors import ConfigError
from llm_eval.metrics import codec, schema
from llm_eval.metrics.engine import database_url as parsed
from llm_eval.metrics.engine import open_engine
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.metrics.upgrade import RELEASES, stored_version, upgrade
from llm_eval.types import ModelResponse

RUN = {
    "run_id": "run_old",
    "task": "qa",
    "model": "m",
    "status": "complete",
    "n_total": 0,
    "recipe": "{}",
    "created_at": "2025-01-01T00:00:00+00:00",
}
REPLY = {
    "run": 1,
    "epoch": 0,
    "prompt_tokens": 1,
    "completion_tokens": 1,
    "latency_s": 0.5,
    "cached": 0,
    "request_key": "k",
    "prompt": "[]",
}


class Old:
    """An empty database of an older release, of either kind."""

    def __init__(self, url: str, release: str) -> None:
        self.url = url
        engine = open_engine(parsed(url))
        upgrade(engine, release=release)
        assert stored_version(engine) == release
        engine.dispose()

    def add(self, name: str, row: Mapping[str, Any]) -> None:
        """Insert a row that has the columns of that release."""
        engine = open_engine(parsed(self.url))
        columns: list[ColumnClause[Any]] = [column(key) for key in row]
        with engine.begin() as connection:
            connection.execute(insert(table(name, *columns)).values(row))
        engine.dispose()

    def opened(self) -> MetricsStorage:
        """By the release of today."""
        return MetricsStorage(self.url)


@pytest.fixture(params=RELEASES[:-1])
def old(request: pytest.FixtureRequest, database_url: str) -> Old:
    return Old(database_url, request.param)


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
        _, outcomes = storage.scores_and_outcomes(run.run_id)
        reasons = [r.response.finish_reason for r in storage.results(run.run_id) if r.response]
        assert outcomes.cut_off.tolist() == [reason != "stop" for reason in reasons]


def test_old_replies_know_that_they_were_cut_off(old: Old) -> None:
    """By what they say of themselves; a text that quotes such a reply was not cut off."""
    replies = {
        codec.response_json(ModelResponse(text, "m", finish_reason=reason)): reason != "stop"
        for text in ("half", '{"finish_reason":"length", "finish_reason": "refusal"}', "\ud800")
        for reason in ("stop", "length", "content_filter", "refusal")
    }
    assert any('"finish_reason": "length"' in reply for reply in replies)  # as Python's json has it
    old.add("runs", {"id": 1, **RUN})
    for index, reply in enumerate(replies):
        old.add("responses", {**REPLY, "sample_index": index, "response": reply})
    with old.opened() as storage:
        rows = select(schema.responses.c.cut_off).order_by(schema.responses.c.sample_index)
        with storage._engine.connect() as connection:
            found = connection.scalars(rows).all()
    assert found == list(replies.values())


def test_an_old_calibration_is_kept_under_those_who_labelled(old: Old) -> None:
    given = {"one": ["ann"], "two": ["bob", "a\0\ud800é"], "nobody": None}
    for judge, raters in given.items():
        report = {"n_labelled": 60} | ({} if raters is None else {"raters": raters})
        row = {"judge": judge, "created_at": "2025", "run_id": "r", "report": codec.to_json(report)}
        old.add("calibrations", row)
    with old.opened() as storage:
        for judge, raters in given.items():
            (found,) = storage.labels.calibrations(judge)
            assert found.raters == tuple(sorted(raters or ()))
            assert (found.created_at, found.run_id) == ("2025", "r")
            assert found.report["n_labelled"] == 60
            storage.labels.put_calibration(replace(found, run_id="newer"))
            assert [x.run_id for x in storage.labels.calibrations(judge)] == ["newer"]


def test_an_older_database_of_either_kind_keeps_its_runs(old: Old) -> None:
    old.add("runs", RUN)
    with old.opened() as storage:
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
