"""What every reply of a run took, as columns; and the names of single samples. No text is read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, case, null, select

from llm_eval.metrics import codec
from llm_eval.metrics.schema import responses, results
from llm_eval.metrics.transactions import reading

Floats = NDArray[np.float64]

_CHUNK = 500


@dataclass(frozen=True)
class UsageTable:
    """One row a reply, in (index, epoch) order."""

    indices: NDArray[np.int64]
    """Position of the sample in the dataset."""
    prompt_tokens: Floats
    completion_tokens: Floats
    cost_usd: Floats
    """NaN where the price is unknown."""
    latency_s: Floats
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
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    table = np.array([tuple(row) for row in rows], dtype=np.float64).reshape(len(rows), 5)
    return UsageTable(table[:, 0].astype(np.int64), *np.ascontiguousarray(table[:, 1:].T))


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
