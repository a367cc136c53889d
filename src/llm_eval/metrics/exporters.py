"""Runs as files and frames for other tools: CSV, JSON Lines, Parquet, pandas, polars.

>>> storage = MetricsStorage()
>>> exporter = CSVExporter(storage)
>>> exporter.export_summary("data/exports/summary.csv", limit=20)     # the newest 20 runs
>>> exporter.export_samples("failures.csv", runs=("latest",), failures=True)

Rows stream from the database to the file: memory does not grow with the run. A file is put into
its place when it is whole; an error leaves an older one as it was. Columns: `export_columns`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import msgspec

from llm_eval.errors import ConfigError
from llm_eval.metrics import codec
from llm_eval.metrics.atomic_file import replacing
from llm_eval.metrics.export_formats import (
    arrow_schema,
    read_json,
    record_batches,
    write_csv,
    write_jsonl,
    write_lines,
    write_parquet,
)
from llm_eval.metrics.export_rows import (
    Selection,
    Sheet,
    result_lines,
    sample_sheet,
    score_sheet,
)
from llm_eval.metrics.export_summaries import summary_sheet
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import Failure, ModelResponse, Prompt, Sample, SampleResult

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

TableName = Literal["samples", "scores", "summary"]

_SHEETS = {"samples": sample_sheet, "scores": score_sheet, "summary": summary_sheet}


class Exporter(ABC):
    """Writes tables of a database in one format."""

    def __init__(self, storage: MetricsStorage) -> None:
        self.storage = storage

    def export_samples(self, path: str | Path, **selection: Any) -> int:
        """One row a sample; the number of rows. `selection`: the fields of `Selection`.

        Raises:
            ConfigError: the file cannot be written.
            ConfigError: a named run is not there.
            StoreError: the database cannot be read.
        """
        return self.export(path, "samples", Selection(**selection))

    def export_scores(self, path: str | Path, **selection: Any) -> int:
        """One row a sample and metric; otherwise as `export_samples`."""
        return self.export(path, "scores", Selection(**selection))

    def export_summary(self, path: str | Path, **selection: Any) -> int:
        """One row a run, slice and metric; otherwise as `export_samples`."""
        return self.export(path, "summary", Selection(**selection))

    def export(self, path: str | Path, table: TableName, chosen: Selection) -> int:
        """Write a table to `path`, whole or not at all; the number of rows."""
        with replacing(path) as stream:
            return self.write(stream, table, chosen)

    @abstractmethod
    def write(self, stream: BinaryIO, table: TableName, chosen: Selection) -> int:
        """Write a table to an open binary stream; the number of rows."""


class CSVExporter(Exporter):
    """RFC 4180 with a header, UTF-8; text that looks like a formula gets a quote before it."""

    def write(self, stream: BinaryIO, table: TableName, chosen: Selection) -> int:
        """Write a table to an open binary stream; the number of rows."""
        return write_csv(sheet(self.storage, table, chosen), stream)


class JSONLExporter(Exporter):
    """One JSON object a line. `samples` holds all that is stored: `read_samples` gives it back."""

    def write(self, stream: BinaryIO, table: TableName, chosen: Selection) -> int:
        """Write a table to an open binary stream; the number of rows."""
        if table == "samples":
            return write_lines(result_lines(self.storage, chosen), stream)
        return write_jsonl(sheet(self.storage, table, chosen), stream)


class ParquetExporter(Exporter):
    """Typed columns, compressed. Needs `pip install 'llm-eval[parquet]'`."""

    def write(self, stream: BinaryIO, table: TableName, chosen: Selection) -> int:
        """Write a table to an open binary stream; the number of rows."""
        return write_parquet(sheet(self.storage, table, chosen), stream)


EXPORTERS: dict[str, type[Exporter]] = {
    "csv": CSVExporter,
    "jsonl": JSONLExporter,
    "parquet": ParquetExporter,
}


def sheet(storage: MetricsStorage, table: TableName, chosen: Selection) -> Sheet:
    """The columns of a table, and its rows one by one.

    Raises:
        ConfigError: there is no such table, or it cannot be narrowed in this way.
    """
    if table not in _SHEETS:
        raise ConfigError(f"no table {table!r}; there are {', '.join(_SHEETS)}")
    if table == "summary" and chosen.failures:
        raise ConfigError("--failures narrows the tables samples and scores, not summary")
    return _SHEETS[table](storage, chosen)


def to_pandas(
    storage: MetricsStorage, table: TableName = "summary", **selection: Any
) -> "pd.DataFrame":
    """A table as a pandas frame, with the columns' types. Needs pyarrow."""
    return _arrow(storage, table, Selection(**selection)).to_pandas()


def to_polars(
    storage: MetricsStorage, table: TableName = "summary", **selection: Any
) -> "pl.DataFrame":
    """A table as a polars frame, with the columns' types. Needs pyarrow."""
    import polars as pl

    frame = pl.from_arrow(_arrow(storage, table, Selection(**selection)))
    assert isinstance(frame, pl.DataFrame)
    return frame


def read_samples(path: str | Path) -> Iterator[tuple[str, SampleResult]]:
    """(run id, result) of each line that `JSONLExporter.export_samples` wrote, as it was stored.

    Raises:
        ConfigError: the file cannot be read, or a line is none of ours; names the line.
    """
    try:
        with Path(path).open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    yield _result(read_json(line))
                except (ValueError, KeyError, TypeError) as exc:
                    raise ConfigError(f"{path}:{number}: not a line of an export: {exc}") from exc
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read: {exc.strerror or exc}") from exc


def _result(line: dict[str, Any]) -> tuple[str, SampleResult]:
    response, failure = line["response"], line["failure"]
    return line["run_id"], SampleResult(
        line["index"],
        line["epoch"],
        msgspec.convert(line["sample"], Sample),
        msgspec.convert(line["prompt"], Prompt),
        None if response is None else msgspec.convert(response, ModelResponse),
        line["answer"],
        line["parse_error"],
        codec.scores(line["scores"]),
        None if failure is None else msgspec.convert(failure, Failure),
    )


def _arrow(storage: MetricsStorage, table: TableName, chosen: Selection) -> "pa.Table":
    try:
        import pyarrow as pa
    except ImportError as exc:
        raise ConfigError(
            "frames need the package pyarrow: pip install 'llm-eval[parquet]'"
        ) from exc
    rows = sheet(storage, table, chosen)
    schema = arrow_schema(rows.columns)
    return pa.Table.from_batches(record_batches(rows, schema), schema)
