"""Rows from people's files, one at a time: JSONL, CSV, Parquet, or a data set of the Hub.

Row(place="data/support.jsonl:3", values={"input": "My card was stolen", "target": "fraud"})
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from llm_eval.errors import ConfigError, DatasetError

T = TypeVar("T")

_PARQUET_BATCH = 1000
_PARQUET_BUFFER = 64 * 1024
"""Read at once: without, a column of a row group is, and one group may be the whole file."""
_MAX_CELL_CHARS = 16 * 1024 * 1024


class Row(NamedTuple):
    """One row, and where it stands, for messages."""

    place: str
    values: dict[str, Any]


def load_rows(source: str | Path) -> Iterator[Row]:
    """The rows of `source`, read as they are asked for; memory does not grow.

    Args:
        source: a path ending in .jsonl, .csv, .tsv or .parquet, or `hf:org/name[@config]:split`.
            A .csv whose header has no comma may be separated by semicolons or tabs.

    Raises:
        ConfigError: the kind of source is unknown, or what reads it is not installed.
        DatasetError: it cannot be read; names the row.
    """
    if str(source).startswith("hf:"):
        return _hub(str(source).removeprefix("hf:"))
    path = Path(source)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(f"{path}: rows are read from {', '.join(_READERS)} or hf:org/name:split")
    _check_readable(path)
    return reader(path)


def _check_readable(path: Path) -> None:
    if path.is_dir():
        raise DatasetError(f"{path} is a directory; name the file in it")
    try:
        with path.open("rb") as file:
            first = file.read(1)
    except FileNotFoundError:
        raise DatasetError(f"{path} is not there") from None
    except OSError as exc:
        raise DatasetError(f"{path} cannot be read: {exc.strerror}") from exc
    if not first:
        raise DatasetError(f"{path} is empty")


def _jsonl(path: Path) -> Iterator[Row]:
    decode, name = msgspec.json.Decoder().decode, str(path)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not text.strip():
                continue
            try:
                values = decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
                raise DatasetError(f"{path}:{number}: no JSON: {exc}: {_shown(text)}") from exc
            if not isinstance(values, dict):
                raise DatasetError(f"{path}:{number}: a row is an object, got {_shown(text)}")
            yield Row(f"{name}:{number}", values)


def _csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _csv_lines(path, file)
        number, header = next(lines, (1, []))
        if twice := [name for name in header if header.count(name) > 1]:
            raise DatasetError(f"{path}:{number}: the header names the column {twice[0]!r} twice")
        for number, cells in lines:
            if len(cells) != len(header):
                raise DatasetError(
                    f"{path}:{number}: {len(cells)} cells, but the header has {len(header)}: "
                    f"{cells!r:.80}"
                )
            yield Row(f"{path}:{number}", dict(zip(header, cells, strict=True)))


def _csv_lines(path: Path, file: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every line that is not blank."""
    kind = path.suffix[1:].upper()
    # The limit is the whole process's: it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_CELL_CHARS))
    reader = csv.reader((), strict=True)  # has read no line
    try:
        first = next(lines := iter(file), "")
        separator = "\t" if kind == "TSV" else _separator(first)
        reader = csv.reader(chain([first], lines), delimiter=separator, strict=True)
        for cells in filter(None, reader):
            yield reader.line_num, cells
    except csv.Error as exc:
        raise DatasetError(f"{path}:{reader.line_num}: no {kind}: {exc}") from exc
    except UnicodeDecodeError as exc:
        byte = exc.object[exc.start]
        raise DatasetError(
            f"{path}: no {kind} in UTF-8: byte {byte:#04x} after line {reader.line_num}; "
            "spreadsheets write it as `CSV UTF-8`"
        ) from exc


def _separator(header: str) -> str:
    """A comma, or what spreadsheets write where numbers have commas: a semicolon, else a tab."""
    bare = "".join(header.split('"')[::2])  # a column may be called "Name, first"
    return next((mark for mark in ",;\t" if mark in bare), ",")


def _parquet(path: Path) -> Iterator[Row]:
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile
    except ModuleNotFoundError:
        raise ConfigError(f"{path}: needs pip install 'llm-eval[parquet]'") from None
    number = 0
    try:
        with _in_small_memory(lambda: ParquetFile(path, buffer_size=_PARQUET_BUFFER)) as file:
            for batch in file.iter_batches(batch_size=_PARQUET_BATCH, use_threads=False):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(f"{path}:{number}", values)
    except (pa.ArrowException, OSError) as exc:
        raise DatasetError(f"{path}: cannot be read after row {number}: {exc}") from exc
    finally:
        pa.system_memory_pool().release_unused()  # also where nobody asks for the last rows


def _in_small_memory(make: Callable[[], T]) -> T:
    """What `make` opens takes memory from the system and gives it back.

    Arrow's usual pool keeps it: of a million short rows 40 MB stayed.
    """
    import pyarrow as pa

    usual = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        return make()
    finally:
        pa.set_memory_pool(usual)


def _hub(name: str) -> Iterator[Row]:
    """`org/name[@config]:split`, streamed through the `datasets` package."""
    dataset, colon, split = name.rpartition(":")
    if not colon or not dataset or not split:
        raise ConfigError(f"hf:{name}: name the split: hf:org/name[@config]:split")
    try:
        import datasets
    except ModuleNotFoundError:
        raise ConfigError(f"hf:{name}: needs pip install datasets") from None
    path, _, config = dataset.partition("@")
    rows = datasets.load_dataset(path, config or None, split=split, streaming=True)
    for number, values in enumerate(rows, start=1):
        yield Row(f"hf:{name}:{number}", dict(values))


def _shown(text: bytes) -> str:
    return repr(text[:80].decode(errors="replace").strip())


_READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".jsonl": _jsonl,
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
}
