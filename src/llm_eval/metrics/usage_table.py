"""What every reply of a run took, as columns; and the names of single samples. No text is read."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine, case, null, select

from llm_eval.metrics import codec
from llm_eval.metrics.float_columns import FloatColumn, FloatColumns
from llm_eval.metrics.schema import responses, results
from llm_eval.metrics.score_table import Indices
from llm_eval.metrics.transactions import reading, streaming

_CHUNK = 500
_PAGE = 2000


@dataclass(frozen=True)
class UsageTable:
    """One row a reply, in (index, epoch) order."""

    indices: Indices
    """Position of the sample in the dataset."""
    prompt_tokens: FloatColumn
    completion_tokens: FloatColumn
    cost_usd: FloatColumn
    """NaN where the price is unknown."""
    latency_s: FloatColumn
    """NaN where the reply came from the cache."""


def read_usage(engine: Engine, run: int) -> UsageTable:
    """The usage of the run with this key.

    Raises:
        StoreError: the database cannot be read.
    """
    columns = responses.c
    query = (
        select(
            columns.sample_index,
            columns.prompt_tokens,
            columns.completion_tokens,
            columns.cost_usd,
            case((columns.cached == 1, null()), else_=columns.latency_s),
        )
        .where(columns.run == run)
        .order_by(columns.sample_index, columns.epoch)
    )
    indices, amounts = array("i"), FloatColumns(4)
    with streaming(engine, query, _PAGE) as answer:
        for rows in answer.partitions():
            positions, *page = zip(*rows, strict=True)
            indices.extend(positions)
            amounts.add_columns(page)
    return UsageTable(np.frombuffer(indices, indices.typecode), *amounts.columns())


def read_sample_ids(engine: Engine, run: int, indices: Sequence[int]) -> dict[int, str]:
    """The names that people know these samples by, by their position in the dataset.

    Raises:
        StoreError: the database cannot be read.
    """
    names: dict[int, str] = {}
    with reading(engine) as connection:
        for start in range(0, len(indices), _CHUNK):
            chunk = indices[start : start + _CHUNK]
            query = select(results.c.sample_index, results.c.sample_id).where(
                results.c.run == run, results.c.sample_index.in_(chunk)
            )
            names.update((index, codec.unescape(name)) for index, name in connection.execute(query))
    return names
