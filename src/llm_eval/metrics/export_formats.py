"""How a sheet is written: CSV, JSON Lines, Parquet. One row at a time, or a batch of them.

CSV is for people and spreadsheets: UTF-8, RFC 4180, nothing in it is run as a formula.
Parquet is for analysis: typed columns. JSON Lines gives back exactly what was stored.
"""

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from llm_eval.errors import ConfigError
from llm_eval.metrics import codec
from llm_eval.metrics.export_columns import Column
from llm_eval.metrics.export_rows import Row, Sheet
from llm_eval.metrics.formula_safe import harmless, writable

if TYPE_CHECKING:
    import pyarrow as pa

_QUOTE, _NUL = '"', b"\0"
_BATCH = 5_000
"""Rows that are in memory at once."""


def write_csv(sheet: Sheet, stream: BinaryIO) -> int:
    """Write rows with a header; the number of rows.

    None is an empty cell. Booleans are `true` and `false`. Quoted here and not by the standard
    library, which goes through long texts character by character: 2.5 times as long for documents.
    """
    stream.write(_csv_line([column.name for column in sheet.columns]))
    n = 0
    for row in sheet.rows:
        stream.write(_csv_line(row))
        n += 1
    return n


def write_jsonl(sheet: Sheet, stream: BinaryIO) -> int:
    """One object a row; columns of kind `json` hold the value itself. The number of rows."""
    names = [codec.to_json(column.name) for column in sheet.columns]
    is_json = [column.kind == "json" for column in sheet.columns]
    n = 0
    for row in sheet.rows:
        members = (
            f"{name}:{value if raw and value is not None else codec.to_json(value)}"
            for name, raw, value in zip(names, is_json, row, strict=True)
        )
        stream.write(f"{{{','.join(members)}}}\n".encode())
        n += 1
    return n


def write_lines(lines: Iterable[str], stream: BinaryIO) -> int:
    """Lines that are JSON already; their number."""
    n = 0
    for line in lines:
        stream.write(line.encode() + b"\n")
        n += 1
    return n


def write_parquet(sheet: Sheet, stream: BinaryIO) -> int:
    """Typed columns, zstd, one row group a batch; the number of rows.

    Raises:
        ConfigError: pyarrow is missing.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError as exc:
        raise ConfigError(
            "Parquet needs the package pyarrow: pip install 'llm-eval[parquet]'"
        ) from exc
    schema, n = arrow_schema(sheet.columns), 0
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for batch in record_batches(sheet, schema):
            writer.write_batch(batch)
            n += batch.num_rows
    return n


def arrow_schema(columns: Iterable[Column]) -> "pa.Schema":
    """Arrow's types of the columns; their meanings are in the fields' metadata."""
    import pyarrow as pa

    types = {
        "text": pa.string(),
        "json": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
    }
    return pa.schema(
        [pa.field(c.name, types[c.kind], metadata={"meaning": c.meaning}) for c in columns]
    )


def record_batches(sheet: Sheet, schema: "pa.Schema") -> Iterator["pa.RecordBatch"]:
    """The rows in batches."""
    import pyarrow as pa

    for rows in _batched(sheet.rows):
        columns = zip(*rows, strict=True)
        arrays = [_array(values, field.type) for values, field in zip(columns, schema, strict=True)]
        yield pa.record_batch(arrays, schema=schema)


def _batched(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(itertools.islice(rows, _BATCH)):
        yield batch


def _array(values: tuple[Any, ...], kind: "pa.DataType") -> "pa.Array":
    """Arrow holds UTF-8: a lone surrogate is shown as an escape."""
    import pyarrow as pa

    try:
        return pa.array(values, type=kind)
    except UnicodeEncodeError:
        return pa.array([_writable(value) for value in values], type=kind)


def _writable(text: str | None) -> str | None:
    return None if text is None else text.encode(errors="backslashreplace").decode()


def _csv_line(row: Iterable[Any]) -> bytes:
    """One record; what no CSV can hold is looked for in the bytes of the whole line."""
    try:
        line = _joined(row).encode()
    except UnicodeEncodeError:  # a lone surrogate
        line = _NUL
    if _NUL in line:
        row = [writable(value) if isinstance(value, str) else value for value in row]
        return _joined(row).encode()
    return line


def _joined(row: Iterable[Any]) -> str:
    return f"{','.join([_csv_value(value) for value in row])}\r\n"


def _csv_value(value: Any) -> str:
    """One field as RFC 4180 has it."""
    if value is None:
        return ""
    if isinstance(value, str):
        if value.isalnum():  # half of all cells: no quote, no sign
            return value
        text = harmless(value)
        if _QUOTE in text:
            return f'"{text.replace(_QUOTE, _QUOTE + _QUOTE)}"'
        return f'"{text}"' if "," in text or "\n" in text or "\r" in text else text
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def read_json(line: str) -> Any:
    """One line of an export; NaN is read too, which strict readers refuse."""
    return json.loads(line)
