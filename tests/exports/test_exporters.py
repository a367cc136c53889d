"""What is exported is read back with the tools that it is for."""

import csv
import json
import subprocess
import sys
from io import BytesIO, StringIO
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_eval.errors import ConfigError
from llm_eval.metrics.export_columns import (
    SAMPLE_COLUMNS,
    SCORE_COLUMNS,
    SUMMARY_COLUMNS,
    TABLES,
    Column,
)
from llm_eval.metrics.export_formats import write_csv
from llm_eval.metrics.export_rows import Sheet
from llm_eval.metrics.exporters import (
    EXPORTERS,
    CSVExporter,
    JSONLExporter,
    ParquetExporter,
    read_samples,
    to_pandas,
    to_polars,
)
from llm_eval.metrics.formula_safe import cell
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import RunInfo
from tests.exports.conftest import FIELDS, FORMULA

ROOT = Path(__file__).parents[2]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_the_first_users_lines_work_to_the_word(tmp_path: Path, run: RunInfo) -> None:
    lines = """
from src.llm_eval.metrics.storage import MetricsStorage
from src.llm_eval.metrics.exporters import CSVExporter

storage = MetricsStorage()
exporter = CSVExporter(storage)
exporter.export_summary('data/exports/summary.csv', limit=20)
"""
    subprocess.run(
        [sys.executable, "-W", "error", "-c", lines],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "LLM_EVAL_DB": f"sqlite:///{tmp_path}/runs.db"},
        check=True,
    )
    rows = read(tmp_path / "data/exports/summary.csv")
    assert {row["run_id"] for row in rows} == {run.run_id}


def test_samples_come_back_from_jsonl_exactly(
    tmp_path: Path, storage: MetricsStorage, run: RunInfo
) -> None:
    assert JSONLExporter(storage).export_samples(tmp_path / "s.jsonl") == 5
    read_back = list(read_samples(tmp_path / "s.jsonl"))
    stored = list(storage.results(run.run_id))
    assert [run_id for run_id, _ in read_back] == [run.run_id] * 5
    # repr, because the answer of one sample is NaN, which equals nothing.
    assert repr([result for _, result in read_back]) == repr(stored)


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"run_id": "r"}\n')
    with pytest.raises(ConfigError, match=r"x.jsonl:1: not a line"):
        list(read_samples(tmp_path / "x.jsonl"))
    with pytest.raises(ConfigError, match="cannot be read"):
        list(read_samples(tmp_path / "y.jsonl"))


def test_no_cell_of_a_csv_begins_a_formula(
    tmp_path: Path, storage: MetricsStorage, run: RunInfo
) -> None:
    for table in TABLES:
        CSVExporter(storage).export(tmp_path / "t.csv", table, _all())  # type: ignore[arg-type]
        with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as lines:
            for row in csv.reader(lines):
                assert not [text for text in row if text[:1] in tuple("=+@\t\r\n")]
    CSVExporter(storage).export_samples(tmp_path / "s.csv")
    rows = read(tmp_path / "s.csv")
    assert rows[1]["sample_id"] == f"'{FORMULA}"
    assert rows[2]["sample_id"] == "-5"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1+1",
        "\r=1",
        "\n=1",
        "＝1+1",
        "＠SUM",
        "\u200b=1+1",
        "\ufeff=1",
        "   =1",
        "\xa0=1",
        "\x00=1",
        "\u202e=1",
        "=cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "\tx",
        "\rx",
        "\nx",
    ],
)
def test_what_could_be_a_formula_is_quoted(text: str) -> None:
    assert cell(text).startswith("'") or cell(text).startswith("\\x00")


@pytest.mark.parametrize("text", ["", "a=1", "-5", "+12.5", "-1e-05", ".5", "3", "雪", "'quoted"])
def test_other_text_is_left_alone(text: str) -> None:
    assert cell(text) == text


@example([("a\rb", None), ("a\nb", None), ("a,b", None), ('a"b', None)])
@given(
    st.lists(
        st.tuples(st.text(), st.one_of(st.none(), st.booleans(), st.integers(), st.floats())),
        max_size=5,
    )
)
def test_any_row_comes_back_through_a_csv_reader(rows: list[tuple[str, object]]) -> None:
    columns = (Column("words", "text", ""), Column("number", "number", ""))
    stream = BytesIO()
    assert write_csv(Sheet(columns, iter(rows)), stream) == len(rows)
    _, *lines = csv.reader(StringIO(stream.getvalue().decode(), newline=""))
    assert lines == [[cell(text), written(other)] for text, other in rows]


def written(value: object) -> str:
    return "" if value is None else repr(value).lower()


def test_csv_is_read_by_pandas_and_polars(
    tmp_path: Path, storage: MetricsStorage, run: RunInfo, other: RunInfo
) -> None:
    path = tmp_path / "samples.csv"
    assert CSVExporter(storage).export_samples(path) == 6
    frame = pd.read_csv(path)
    assert list(frame.columns) == [
        *(column.name for column in SAMPLE_COLUMNS),
        "score.bleu",
        "score.exact_match",
        "score.f1",
    ]
    assert frame["score.f1"].fillna(-1).tolist() == [-1, 1.0, 0.5, 0.25, -1, 0.0]
    assert frame["perfect"].tolist() == [False, True, False, False, False, False]
    assert json.loads(frame["inputs"][1]) == {"q": "2 + 2"}
    assert pl.read_csv(path, infer_schema_length=None).shape == (6, len(frame.columns))


@pytest.mark.parametrize(
    ("table", "columns"), [("scores", SCORE_COLUMNS), ("summary", SUMMARY_COLUMNS)]
)
def test_tables_have_the_same_columns_in_every_format(
    tmp_path: Path,
    storage: MetricsStorage,
    other: RunInfo,
    table: str,
    columns: tuple[tuple[str, str, str], ...],
) -> None:
    names = [column[0] for column in columns]
    for name, exporter in EXPORTERS.items():
        exporter(storage).export(tmp_path / f"t.{name}", table, _all())  # type: ignore[arg-type]
    assert list(pd.read_csv(tmp_path / "t.csv").columns) == names
    assert list(json.loads((tmp_path / "t.jsonl").read_text().splitlines()[0])) == names
    assert pq.read_table(tmp_path / "t.parquet").column_names == names


def test_a_failed_sample_has_a_score_row_without_a_value(
    storage: MetricsStorage, run: RunInfo
) -> None:
    frame = to_pandas(storage, "scores")
    of_failed = frame[frame["sample_id"] == "fourth"]
    assert of_failed["state"].tolist() == ["failed", "failed"]
    assert of_failed["value"].isna().all()
    assert len(frame) == 10
    assert json.loads(frame["details"].dropna().iloc[0]) == FIELDS


def test_parquet_has_typed_columns(tmp_path: Path, storage: MetricsStorage, run: RunInfo) -> None:
    ParquetExporter(storage).export_samples(tmp_path / "s.parquet")
    frame = pl.read_parquet(tmp_path / "s.parquet")
    assert frame.schema["perfect"] == pl.Boolean
    assert frame.schema["latency_s"] == pl.Float64
    assert frame["prompt_tokens"].to_list() == [7, 9, 0, None, 0]
    assert "half \\ud83d" in frame["reply"][1]


def test_the_summary_is_the_run_object(storage: MetricsStorage, run: RunInfo) -> None:
    assert run.summary is not None
    frame = to_polars(storage)
    whole = frame.filter(pl.col("slice").is_null(), pl.col("metric") == "exact_match").to_dicts()[0]
    metric = run.summary["metrics"]["exact_match"]
    assert whole["value"] == metric["value"] == 0.2
    assert [whole["ci95_low"], whole["ci95_high"]] == metric["ci95"]
    assert (whole["n"], whole["n_scored"], whole["n_failed"], whole["n_unscored"]) == (5, 3, 1, 1)
    assert whole["run_prompt_tokens"] == 16
    assert whole["git_commit"] == "c0ffee"
    labels = frame["slice"].unique().drop_nulls().to_list()
    assert sorted(labels) == ["easy", "hard", "kind=sum"]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"failures": True}, ["f", "b", "c", "d", "e"]),
        ({"slice": "hard"}, ["b", "c"]),
        ({"slice": "hard", "failures": True, "task": "qa"}, ["b", "c"]),
        ({"runs": ("run_20260102",)}, ["a", "b", "c", "d", "e"]),
        ({"runs": ("run_20260102", "run_20260102"), "task": "other"}, []),
        ({"runs": ("run_20260102", "latest")}, ["a", "b", "c", "d", "e", "f"]),
        ({"runs": ("run_20260102", "latest"), "limit": 1}, ["f"]),
        ({"model": "openai/n"}, ["f"]),
        ({"runs": ("run_20260102", "latest"), "model": "openai/n"}, ["f"]),
        ({"runs": ("latest", "run_20260102"), "tag": ("branch", "main")}, list("abcde")),
        ({"runs": ("run_20260102", "latest"), "since": "2026-02-03T04:05:06+00:00"}, ["f"]),
        ({"since": "2026-02-03T04:05:06+00:00"}, ["f"]),
        ({"tag": ("branch", "main"), "slice": "easy"}, ["a", "d"]),
        ({"since": "2026-02-01"}, ["f"]),
        ({"limit": 1}, ["f"]),
    ],
)
def test_filters_narrow(
    storage: MetricsStorage,
    run: RunInfo,
    other: RunInfo,
    selection: dict[str, object],
    expected: list[str],
) -> None:
    frame = to_polars(storage, "samples", **selection)
    assert [key[0] for key in frame["sample_key"]] == expected


def test_a_run_that_is_not_there_leaves_the_old_file(
    tmp_path: Path, storage: MetricsStorage
) -> None:
    path = tmp_path / "s.csv"
    path.write_text("old")
    with pytest.raises(ConfigError, match="no run 'gone'"):
        CSVExporter(storage).export_samples(path, runs=("gone",))
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".s.csv")] == []


def test_every_column_is_documented() -> None:
    page = (ROOT / "docs/exports.md").read_text()
    for columns in TABLES.values():
        for name, kind, meaning in columns:
            assert f"| `{name}` | {kind} | {meaning} |" in page


def _all() -> "object":
    from llm_eval.metrics.export_rows import Selection

    return Selection()


def test_what_is_not_there_is_null(storage: MetricsStorage, run: RunInfo) -> None:
    frame = to_polars(storage, "samples")
    assert frame["score.exact_match"].to_list() == [1.0, 0.0, None, None, 0.0]
    _, _, _, failed, no_answer = frame["answer"].to_list()
    assert (failed, no_answer) == (None, "null")
