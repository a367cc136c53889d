"""All scores of a run as columns: what the collector, compare and the gates compute with."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from llm_eval.metrics import codec
from llm_eval.metrics.columns import Coded, Coder, Digests, coded, pack_keys
from llm_eval.metrics.float_columns import FloatColumn, FloatColumns, Floats, Rows, as_matrix
from llm_eval.metrics.result_names import labels_of
from llm_eval.metrics.run_columns import Page, read_pages

Indices = NDArray[np.integer[Any]]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class ScoreTable:
    """One row a result, in (index, epoch) order; one column a metric."""

    metrics: tuple[str, ...]
    indices: Indices
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
    def starts(self) -> Places | None:
        """Where the first epoch of each sample stands; None where every row is a sample."""
        again = self.indices[1:] == self.indices[:-1]
        return np.flatnonzero(np.append(True, ~again)) if again.any() else None

    @property
    def sample_indices(self) -> Indices:
        """Position of each sample in the dataset, once."""
        return self.indices if self.starts is None else self.indices[self.starts]

    @property
    def n_samples(self) -> int:
        """How many different ones the rows are about."""
        return len(self.indices) if self.starts is None else len(self.starts)

    @property
    def epochs(self) -> Indices:
        """How many rows each sample has."""
        if self.starts is None:
            return np.broadcast_to(1, len(self.indices))
        return np.diff(np.append(self.starts, len(self.indices)))

    def sample_means(self, of_rows: Floats) -> Floats:
        """Mean over the epochs of each sample; NaN where one of them is."""
        if self.starts is None:
            return of_rows
        means: Floats = np.add.reduceat(of_rows, self.starts) / self.epochs
        return means

    @cached_property
    def rows_by_label(self) -> Mapping[str, NDArray[np.intp]]:
        """Rows that carry each label; labels in alphabetical order."""
        return rows_by_label(self.labels)

    def cluster_numbers(self, rows: Rows) -> Places | None:
        """A number for the cluster of each of `rows`; None where no row of them names one.

        A row that names none, among rows that do, is with its own sample's epochs alone.
        """
        clusters = coded(self.clusters)
        return cluster_numbers(Coded(clusters.codes[rows], clusters.distinct), self.indices[rows])


def cluster_numbers(names: Coded[str | None], owners: Indices) -> Places | None:
    """A number for the cluster of each row; None where no row names one.

    Args:
        names: of the clusters.
        owners: whose a row is, as a number: one without a name, among others, is with it alone.
    """
    if set(names.distinct) <= {None}:
        return None
    numbers: dict[str | None, int] = {}
    distinct = np.array([numbers.setdefault(name, len(numbers)) for name in names.distinct])
    clusters = distinct[names.codes]
    alone = np.flatnonzero(clusters == numbers.get(None))
    clusters[alone] = len(numbers) + owners[alone]
    return None if len(alone) == len(clusters) else clusters


def rows_by_label(labels: Sequence[tuple[str, ...]]) -> Mapping[str, NDArray[np.intp]]:
    """Positions at which each label stands; labels in alphabetical order."""
    parts: dict[str, list[NDArray[np.intp]]] = {}
    for carried, rows in coded(labels).rows():
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

    Memory takes some 7 bytes a result; a temporary file 8 a metric, and 32 more with `keys`.

    Raises:
        StoreError: the database cannot be read, or the temporary file not be written.
    """
    read = TableMaker(metrics, keys=keys)
    for page in read_pages(engine, run, read.needs):
        read.add(page)
    return read.table()


class TableMaker:
    """Makes a `ScoreTable`, page by page. Buffers grow in place: no row is held as an object."""

    needs: ClassVar = (
        "sample_index",
        "sample_key",
        "slice",
        "groups",
        "cluster",
        "status",
        "metric_values",
    )
    """The columns of each page."""

    def __init__(self, metrics: tuple[str, ...], *, keys: bool) -> None:
        self._metrics = metrics
        self._unscored = codec.pack([float("nan")] * len(metrics))
        self._indices = array("i")
        self._floats, self._failed = FloatColumns(len(metrics)), bytearray()
        self._wants_keys = keys
        self._digests = Digests()
        self._foreign: list[str] = []
        """All keys, once one of them is no digest."""
        self._labels: Coder[tuple[str | None, str]] = Coder()
        self._clusters: Coder[str | None] = Coder()

    def add(self, page: Page) -> None:
        """One more page.

        Raises:
            StoreError: the temporary file cannot be written.
        """
        self._indices.extend(page["sample_index"])
        self._labels.extend(zip(page["slice"], page["groups"], strict=True))
        self._clusters.extend(page["cluster"])
        self._failed.extend(status == "failed" for status in page["status"])
        self._floats.add(b"".join(packed or self._unscored for packed in page["metric_values"]))
        if self._wants_keys:
            self._add_keys(page["sample_key"])

    def table(self) -> ScoreTable:
        """All rows so far; nothing can be added while it lives."""
        labels, clusters = self._labels.coded(), self._clusters.coded()
        return ScoreTable(
            metrics=self._metrics,
            indices=np.frombuffer(self._indices, self._indices.typecode),
            keys=self._foreign or self._digests,
            labels=Coded(labels.codes, [tuple(labels_of(*pair)) for pair in labels.distinct]),
            clusters=Coded(
                clusters.codes,
                [None if c is None else codec.unescape(c) for c in clusters.distinct],
            ),
            failed=np.frombuffer(self._failed, np.bool_),
            columns=self._floats.columns(),
        )

    def _add_keys(self, keys: Sequence[str]) -> None:
        packed = None if self._foreign else pack_keys(keys)
        if packed is not None:
            self._digests.add(packed)
        else:
            self._foreign = [*(self._foreign or self._digests), *keys]
