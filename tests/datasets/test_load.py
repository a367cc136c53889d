"""Rows from files: what is read, and the file and line of what cannot be."""

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from llm_eval.datasets.load import Row, load_rows
from llm_eval.errors import ConfigError, DatasetError

BOM = "\ufeff"


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(path: Path | str) -> str:
    """What reading `path` is refused with, from the file's name on."""
    with pytest.raises(DatasetError) as caught:
        list(load_rows(path))
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    return message.replace(f"{Path(path).parent}/", "")


def test_jsonl_rows_carry_their_file_and_line(tmp_path: Path) -> None:
    path = write(
        tmp_path, "r.jsonl", f'{BOM}{{"a": 1}}\n\n  \n{{"a": [null, "é"]}}\r\n{{"a": {{}}}}'
    )
    assert list(load_rows(path)) == [
        Row(f"{path}:1", {"a": 1}),
        Row(f"{path}:4", {"a": [None, "é"]}),
        Row(f"{path}:5", {"a": {}}),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a": 1', "r.jsonl:3: no JSON: Input data was truncated: '{\"a\": 1'"),
        ("{'a': 1}", "r.jsonl:3: no JSON: "),
        ('{"a": NaN}', "r.jsonl:3: no JSON: "),
        ('{"a": 1} {"a": 2}', "r.jsonl:3: no JSON: "),
        ('{"a": "\\ud800"}', "r.jsonl:3: no JSON: "),
        (b'{"a": "\xff"}', "r.jsonl:3: no JSON: "),
        ("[1, 2]", "r.jsonl:3: a row is an object, got '[1, 2]'"),
        ("7", "r.jsonl:3: a row is an object, got '7'"),
        ("null", "r.jsonl:3: a row is an object, got 'null'"),
        ('{"a":' * 100_000, "r.jsonl:3: no JSON: "),
        ('{"a": "' + "x" * 5000, "r.jsonl:3: no JSON: "),
    ],
    ids=lambda text: str(text)[:16],
)
def test_a_malformed_jsonl_row_is_named_with_its_line_and_value(
    line: str | bytes, message: str, tmp_path: Path
) -> None:
    broken = line if isinstance(line, bytes) else line.encode()
    path = write(tmp_path, "r.jsonl", b'{"a": 1}\n\n' + broken + b"\n")
    assert refused(path).startswith(message)


def test_rows_before_a_malformed_one_are_read(tmp_path: Path) -> None:
    rows = load_rows(write(tmp_path, "r.jsonl", '{"a": 1}\n{'))
    assert next(rows).values == {"a": 1}
    with pytest.raises(DatasetError):
        next(rows)


@pytest.mark.parametrize(("name", "comma"), [("r.csv", ","), ("r.TSV", "\t")])
def test_csv_rows_are_text_by_column(name: str, comma: str, tmp_path: Path) -> None:
    text = f'{BOM}q,a\r\n"one, ""two""\nthree",é\r\n\r\n,\r\n'.replace(",", comma)
    path = write(tmp_path, name, text)
    assert list(load_rows(path)) == [
        Row(f"{path}:3", {"q": f'one{comma} "two"\nthree', "a": "é"}),
        Row(f"{path}:5", {"q": "", "a": ""}),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n", "r.csv:3: 1 cells, but the header has 2: ['3']"),
        ("a,b\n1,2,3\n", "r.csv:2: 3 cells, but the header has 2: ['1', '2', '3']"),
        ("a,b,a\n1,2,3\n", "r.csv:1: the header names the column 'a' twice"),
        ('a,b\n1,2\n3,"4\n', "r.csv:3: no CSV: "),
        ('a,b\n1,"2"3\n', "r.csv:2: no CSV: "),
        (
            b"a,b\n1,\xff\n",
            "r.csv: no CSV in UTF-8: byte 0xff after line 0; spreadsheets write it as `CSV UTF-8`",
        ),
    ],
)
def test_a_malformed_csv_row_is_named_with_its_line(
    text: str | bytes, message: str, tmp_path: Path
) -> None:
    assert refused(write(tmp_path, "r.csv", text)).startswith(message)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("\ufeffq;a\r\n1,5?;x\r\n", [{"q": "1,5?", "a": "x"}]),
        ("q\ta\n1;5?\tx\n", [{"q": "1;5?", "a": "x"}]),
        ('"q, long";a\n1;x\n', [{"q, long": "1", "a": "x"}]),
        ("q,a\n1;5?,x\n", [{"q": "1;5?", "a": "x"}]),
        ("q\n1;5?\n", [{"q": "1;5?"}]),
        ("\n\nq;a\n", []),
    ],
)
def test_the_header_says_what_separates_the_columns(
    text: str, rows: list[dict[str, str]], tmp_path: Path
) -> None:
    found = [row.values for row in load_rows(write(tmp_path, "r.csv", text))]
    assert found == rows


def test_a_long_document_fits_a_csv_cell(tmp_path: Path) -> None:
    path = write(tmp_path, "r.csv", "text\n" + "x" * 1_000_000 + "\n")
    (row,) = load_rows(path)
    assert len(row.values["text"]) == 1_000_000


def test_parquet_rows_keep_their_types(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    rows: list[dict[str, Any]] = [
        {"a": 1, "b": ["x", "y"], "c": {"d": 0.5}},
        {"a": None, "b": [], "c": {"d": None}},
    ]
    path = tmp_path / "r.parquet"
    parquet.write_table(pa.Table.from_pylist(rows), path)
    assert list(load_rows(path)) == [Row(f"{path}:{n}", row) for n, row in enumerate(rows, start=1)]


def test_what_is_no_parquet_is_named(tmp_path: Path) -> None:
    message = refused(write(tmp_path, "r.parquet", "a,b\n1,2\n"))
    assert message.startswith("r.parquet: cannot be read after row 0: ")


def test_a_file_that_is_empty_missing_or_a_folder_is_told_apart(tmp_path: Path) -> None:
    assert refused(write(tmp_path, "empty.jsonl", "")) == "empty.jsonl is empty"
    assert refused(tmp_path / "gone.jsonl") == "gone.jsonl is not there"
    (tmp_path / "folder.csv").mkdir()
    assert refused(tmp_path / "folder.csv") == "folder.csv is a directory; name the file in it"
    inside = write(tmp_path, "file", "x") / "r.jsonl"
    assert refused(inside) == "r.jsonl cannot be read: Not a directory"


def test_a_file_that_may_not_be_read_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path, "r.jsonl", "{}\n")
    monkeypatch.setattr(Path, "open", denied)
    assert refused(path) == "r.jsonl cannot be read: Permission denied"


@pytest.mark.parametrize("name", ["rows.json", "rows.xlsx", "rows", "rows.jsonl.gz"])
def test_an_unknown_suffix_says_which_are_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_rows(tmp_path / name)
    assert str(caught.value) == (
        f"{tmp_path / name}: rows are read from .jsonl, .csv, .tsv, .parquet or hf:org/name:split"
    )


@pytest.mark.parametrize("name", ["hf:org/name", "hf:", "hf::test", "hf:org/name:"])
def test_a_hub_data_set_needs_its_split(name: str) -> None:
    with pytest.raises(ConfigError, match=r"name the split: hf:org/name\[@config\]:split"):
        list(load_rows(name))


def test_a_wrong_source_is_refused_before_the_first_row_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        load_rows(tmp_path / "gone.jsonl")


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_memory_does_not_grow_with_the_file(suffix: str, tmp_path: Path) -> None:
    line = {"jsonl": '{"text": "%s"}\n', "csv": "%s\n"}[suffix] % ("x" * 1000)
    path = write(tmp_path, f"r.{suffix}", ("text\n" if suffix == "csv" else "") + line * 5000)
    tracemalloc.start()
    try:
        assert sum(1 for _ in load_rows(path)) == 5000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
