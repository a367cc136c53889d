"""All scores of a run as columns: what the collector, compare and the gates compute with."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from llm_eval.metrics import codec
from llm_eval.metrics.columns import Coded, Coder, Digests, pack_keys
from llm_eval.metrics.float_columns import FloatColumn, FloatColumns, Floats, Rows, as_matrix
from llm_eval.metrics.schema import results
from llm_eval.metrics.transactions import reading

_PAGE = 2000
_FAILED = 5
"""Where the status stands in a row that is read."""


@dataclass(frozen=True)
class ScoreTable:
    """One row a result, in (index, epoch) order; one column a metric."""

    metrics: tuple[str, ...]
    indices: NDArray[np.int64]
    """Position of the sample in the dataset."""
    keys: Sequence[str]
    """Content key of each row's sample; none where they were not asked for."""
    labels: Sequence[tuple[str, ...]]
    """What a row is aggregated under: its slice, and each of its groups as `name=value`."""
    clusters: Sequence[str | None]
    failed: NDArray[np.bool_]
    """Rows whose sample has no reply."""
    columns: tuple[FloatColumn, ...]
    """One a metric; NaN where failed or unscored."""

    def scores(self, metric: str, rows: Rows = slice(None)) -> Floats:
        """What each of `rows` scored.

        Raises:
            ValueError: there is no such metric.
        """
        return self.columns[self.metrics.index(metric)][rows]

    @property
    def values(self) -> Floats:
        """All scores as rows × metrics, made anew: 8 bytes each."""
        return as_matrix(self.columns, len(self.indices))

    @cached_property
    def rows_by_label(self) -> Mapping[str, NDArray[np.intp]]:
        """Rows that carry each label; labels in alphabetical order."""
        return rows_by_label(self.labels)

    def named_clusters(self, rows: NDArray[np.intp] | slice) -> list[str] | None:
        """The cluster of each of `rows`; None where no row of them names one.

        A row that names none, among rows that do, is with its own sample's epochs alone.
        """
        if isinstance(self.clusters, Coded) and set(self.clusters.distinct) <= {None}:
            return None
        places = np.arange(len(self.indices))[rows]
        clusters = [self.clusters[place] for place in places.tolist()]
        if all(cluster is None for cluster in clusters):
            return None
        return [
            f"#{index}" if cluster is None else cluster
            for cluster, index in zip(clusters, self.indices[rows].tolist(), strict=True)
        ]


def rows_by_label(labels: Sequence[tuple[str, ...]]) -> Mapping[str, NDArray[np.intp]]:
    """Positions at which each label stands; labels in alphabetical order."""
    parts: dict[str, list[NDArray[np.intp]]] = {}
    for carried, rows in _coded(labels).rows():
        for label in carried:
            parts.setdefault(label, []).append(rows)
    return {
        label: parts[label][0]
        if len(parts[label]) == 1
        else np.unique(np.concatenate(parts[label]))
        for label in sorted(parts)
    }


def read_score_table(
    engine: Engine, run: int, metrics: tuple[str, ...], *, keys: bool = True
) -> ScoreTable:
    """The table of the run with this key, read page by page into its columns.

    Some 11 bytes a result and 1 to 8 more a metric; 32 more with `keys`.

    Raises:
        StoreError: the database cannot be read.
    """
    read = _Columns(metrics, keys=keys)
    for page in _pages(engine, run):
        read.add(page)
    return read.table()


def _pages(engine: Engine, run: int) -> Iterator[Sequence[Any]]:
    query = (
        select(
            results.c.sample_index,
            results.c.sample_key,
            results.c.slice,
            results.c.groups,
            results.c.cluster,
            results.c.status,
            results.c.metric_values,
        )
        .where(results.c.run == run)
        .order_by(results.c.sample_index, results.c.epoch)
    )
    with reading(engine) as connection:
        yield from connection.execution_options(yield_per=_PAGE).execute(query).partitions()


class _Columns:
    """What was read so far. Buffers grow in place: rows are never held as objects."""

    def __init__(self, metrics: tuple[str, ...], *, keys: bool) -> None:
        self._metrics = metrics
        self._unscored = codec.pack([float("nan")] * len(metrics))
        self._indices = array("q")
        self._floats, self._failed = FloatColumns(len(metrics)), bytearray()
        self._packed: bytearray | None = bytearray() if keys else None
        self._foreign: list[str] = []
        """All keys, once one of them is no digest."""
        self._labels: Coder[tuple[str | None, str]] = Coder()
        self._clusters: Coder[str | None] = Coder()

    def add(self, rows: Sequence[Any]) -> None:
        scores = bytearray()
        for row in rows:
            self._indices.append(row[0])
            self._labels.append((row[2], row[3]))
            self._clusters.append(row[4])
            self._failed.append(row[_FAILED] == "failed")
            scores += row[6] or self._unscored
        self._floats.add(scores)
        if self._packed is not None:
            self._add_keys([row[1] for row in rows])

    def table(self) -> ScoreTable:
        labels, clusters = self._labels.coded(), self._clusters.coded()
        return ScoreTable(
            metrics=self._metrics,
            indices=np.frombuffer(self._indices, np.int64),
            keys=self._foreign or Digests(self._packed or b""),
            labels=Coded(labels.codes, [_names(*pair) for pair in labels.distinct]),
            clusters=Coded(
                clusters.codes,
                [None if c is None else codec.unescape(c) for c in clusters.distinct],
            ),
            failed=np.frombuffer(self._failed, np.bool_),
            columns=self._floats.columns(),
        )

    def _add_keys(self, keys: list[str]) -> None:
        packed = None if self._foreign else pack_keys(keys)
        if packed is not None and self._packed is not None:
            self._packed += packed
        else:
            self._foreign = [*(self._foreign or Digests(self._packed or b"")), *keys]


def _names(slice: str | None, groups: str) -> tuple[str, ...]:  # noqa: A002 - the field's own name
    own = () if slice is None else (codec.unescape(slice),)
    return own + tuple(f"{name}={value}" for name, value in codec.from_json(groups).items())


def _coded(labels: Sequence[tuple[str, ...]]) -> Coded[tuple[str, ...]]:
    if isinstance(labels, Coded):
        return labels
    coder: Coder[tuple[str, ...]] = Coder()
    for carried in labels:
        coder.append(carried)
    return coder.coded()
