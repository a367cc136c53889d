"""Which results of two runs are about the same sample.

    baseline  a  b  c  c'         pairs  a–a  b–b  c–c  c'–?
    current   b  a  c

Samples pair by content, so a renamed or reordered row still finds its partner. Of content that a
dataset holds twice, the first pairs with the first. Epochs of one sample are averaged before
anything is tested: they are no new evidence about other samples (Miller 2024, arXiv 2411.00640).
A sample that one run should have and has not is a pair without a score, never a pair less.

A pair is two row numbers. Scores stay where they were read, and are taken one metric at a time.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from llm_eval.metrics.columns import Coded, numbered
from llm_eval.metrics.score_table import ScoreTable, rows_by_label

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
T = TypeVar("T")

ABSENT = -1


@dataclass(frozen=True)
class Paired:
    """One entry a sample, in the baseline's order; then those that only the current run has."""

    metrics: tuple[str, ...]
    """That both runs have."""
    baseline_rows: Rows
    """Where the sample's first epoch stands in the baseline's table; `ABSENT` where it is not."""
    current_rows: Rows
    only_baseline: tuple[str, ...]
    """Keys of samples that the current run lacks."""
    only_current: tuple[str, ...]
    tables: tuple[ScoreTable, ScoreTable]
    """Of the baseline and of the current run."""

    def __len__(self) -> int:
        """Samples."""
        return len(self.baseline_rows)

    def key(self, place: int) -> str:
        """Content key of a sample."""
        table, row = self._home(place)
        return table.keys[row]

    def scores(self, metric: str) -> tuple[Floats, Floats]:
        """One score a sample in either run; NaN where failed, unscored or absent.

        Of several epochs it is the mean; one epoch without a score leaves the sample without one.
        """
        before, after = self.tables
        return (
            _means(before, metric)[self.baseline_rows],
            _means(after, metric)[self.current_rows],
        )

    @cached_property
    def clusters(self) -> NDArray[np.intp] | None:
        """One number a cluster; None where no sample names one."""
        columns = [table.clusters for table in self.tables]
        if all(isinstance(one, Coded) and set(one.distinct) <= {None} for one in columns):
            return None
        return _codes(self._each(columns))

    @cached_property
    def rows_by_label(self) -> Mapping[str, Rows]:
        """Places of the samples that carry each label."""
        labels = [table.labels for table in self.tables]
        if isinstance(labels[0], Coded) and (self.baseline_rows != ABSENT).all():
            return rows_by_label(Coded(labels[0].codes[self.baseline_rows], labels[0].distinct))
        return rows_by_label(list(self._each(labels)))

    @property
    def n_shared(self) -> int:
        """Samples that both runs have a result for."""
        return int(np.sum((self.baseline_rows != ABSENT) & (self.current_rows != ABSENT)))

    def _home(self, place: int) -> tuple[ScoreTable, int]:
        """The table that says what a sample is, and its row there."""
        side = int(self.baseline_rows[place] == ABSENT)
        rows = (self.baseline_rows, self.current_rows)[side]
        return self.tables[side], int(rows[place])

    def _each(self, columns: Sequence[Sequence[T]]) -> Iterator[T]:
        """What the baseline's table says of each sample; of those that it lacks, the current's."""
        before, after = columns
        for one, other in zip(self.baseline_rows.tolist(), self.current_rows.tolist(), strict=True):
            yield before[one] if one != ABSENT else after[other]


def pair(baseline: ScoreTable, current: ScoreTable, *, lone: bool = False) -> Paired:
    """The samples of two tables side by side, in the baseline's order.

    Args:
        baseline: what is compared with.
        current: what is compared.
        lone: also those that only one of them has, without a score for the other.
    """
    starts = epoch_starts(baseline), epoch_starts(current)
    left, right = _identities(baseline, current, starts)
    partner = _found(left, right)
    alone = ~np.isin(right, left)
    shown = np.ones(len(left), np.bool_) if lone else partner != ABSENT
    more = starts[1][alone] if lone else starts[1][:0]
    behind = np.append(starts[1], ABSENT)  # place −1 is none
    return Paired(
        metrics=tuple(name for name in baseline.metrics if name in current.metrics),
        baseline_rows=np.append(starts[0][shown], np.full(len(more), ABSENT)),
        current_rows=np.append(behind[partner[shown]], more),
        only_baseline=_keys(baseline, starts[0][partner == ABSENT]),
        only_current=_keys(current, starts[1][alone]),
        tables=(baseline, current),
    )


def epoch_starts(table: ScoreTable) -> Rows:
    """Where the first epoch of each sample stands; the others follow it."""
    return np.unique(table.indices, return_index=True)[1]


def _identities(
    baseline: ScoreTable, current: ScoreTable, starts: tuple[Rows, Rows]
) -> tuple[Rows, Rows]:
    """A number for each sample: content, and which of its occurrences in the dataset it is."""
    codes = numbered(baseline.keys, current.keys)
    left, right = codes[: len(baseline.keys)][starts[0]], codes[len(baseline.keys) :][starts[1]]
    occurrences = _occurrences(left), _occurrences(right)
    most = 1 + max(int(o.max(initial=0)) for o in occurrences)
    return left * most + occurrences[0], right * most + occurrences[1]


def _occurrences(codes: Rows) -> Rows:
    """How many equal ones stand before each."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    first = np.searchsorted(ordered, ordered)
    before = np.empty_like(codes)
    before[order] = np.arange(len(codes)) - first
    return before


def _found(wanted: Rows, among: Rows) -> Rows:
    """Where each of `wanted` stands in `among`, whose values differ; `ABSENT` where it does not."""
    order = np.argsort(among)
    places = np.append(np.searchsorted(among, wanted, sorter=order), 0)[:-1]
    candidates = np.append(order, ABSENT)[np.minimum(places, len(order))]
    same = np.append(among, 0)[candidates] == wanted
    return np.where(same & (candidates != ABSENT), candidates, ABSENT)


def _keys(table: ScoreTable, rows: Rows) -> tuple[str, ...]:
    return tuple(table.keys[row] for row in rows.tolist())


def _means(table: ScoreTable, metric: str) -> Floats:
    """Mean of each sample's epochs at its first row; NaN behind the last."""
    column, starts = table.scores(metric), epoch_starts(table)
    means = np.append(column, np.nan)
    if len(starts) < len(column):
        counts = np.diff(np.append(starts, len(column)))
        means[starts] = np.add.reduceat(column, starts) / counts
    return means


def _codes(clusters: Iterable[str | None]) -> NDArray[np.intp] | None:
    """A number for each cluster; a sample without one is a cluster of its own."""
    numbers: dict[Hashable, int] = {}
    named = False
    codes = []
    for place, name in enumerate(clusters):
        named |= name is not None
        codes.append(numbers.setdefault(place if name is None else name, len(numbers)))
    return np.array(codes, dtype=np.intp) if named else None
