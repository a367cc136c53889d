"""Which results of two runs are about the same sample.

    baseline  a  b  c  c'         pairs  a–a  b–b  c–c  c'–?
    current   b  a  c

Samples pair by content, so a renamed or reordered row still finds its partner. Of content that a
dataset holds twice, the first pairs with the first. Epochs of one sample are averaged before
anything is tested: they are no new evidence about other samples (Miller 2024, arXiv 2411.00640).
A sample that one run should have and has not is a pair without a score, never a pair less.

A pair is two numbers. Scores stay where they were read, and are taken one metric at a time.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from llm_eval.metrics.columns import Coded, coded, numbered, same_keys
from llm_eval.metrics.score_table import ScoreTable, cluster_numbers, rows_by_label
from llm_eval.stats import clusters

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
T = TypeVar("T", bound=Hashable)

ABSENT = -1


@dataclass(frozen=True)
class Side:
    """One run's part in the pairs."""

    table: ScoreTable
    order: Places | None
    """Which of the table's samples each pair is about, or `ABSENT`; None: they as they stand."""

    def __len__(self) -> int:
        """Pairs."""
        return self.table.n_samples if self.order is None else len(self.order)

    def rows(self, pairs: Places) -> Places:
        """Where the first epoch of each pair's sample stands in the table, or `ABSENT`."""
        samples = pairs if self.order is None else self.order[pairs]
        if self.table.starts is None:
            return samples
        return np.where(samples == ABSENT, ABSENT, self.table.starts[samples])

    def scores(self, metric: str) -> Floats:
        """One score a pair; NaN where failed, unscored or absent.

        Of several epochs it is the mean; one epoch without a score leaves the sample without one.
        """
        return self.means(self.table.scores(metric))

    def means(self, of_rows: Floats, absent: float = np.nan) -> Floats:
        """One mean a pair of what the table's rows have; `absent` where it lacks the sample."""
        return self.of_samples(self.table.sample_means(of_rows), absent)

    def of_samples(self, values: Floats, absent: float = np.nan) -> Floats:
        """What the table's samples have, one value each, in the order of the pairs."""
        return values if self.order is None else np.append(values, absent)[self.order]


@dataclass(frozen=True)
class Paired:
    """One entry a sample, in the baseline's order; then those that only the current run has."""

    metrics: tuple[str, ...]
    """That both runs have."""
    baseline: Side
    current: Side
    n_only_baseline: int
    """Samples that the current run lacks."""
    n_only_current: int

    def __len__(self) -> int:
        """Samples."""
        return len(self.baseline)

    def scores(self, metric: str) -> tuple[Floats, Floats]:
        """One score a sample in either run; NaN where failed, unscored or absent."""
        return self.baseline.scores(metric), self.current.scores(metric)

    @cached_property
    def clusters(self) -> Places | None:
        """One number a cluster; None where no sample names one."""
        names = self._each(self.baseline.table.clusters, self.current.table.clusters)
        found = cluster_numbers(names, self._every)
        return None if found is None else clusters.numbered(found)

    @cached_property
    def rows_by_label(self) -> Mapping[str, Places]:
        """Places of the samples that carry each label."""
        return rows_by_label(self._each(self.baseline.table.labels, self.current.table.labels))

    @property
    def n_shared(self) -> int:
        """Samples that both runs have a result for."""
        rows = (side.rows(self._every) for side in (self.baseline, self.current))
        return int(np.sum(np.logical_and(*(own != ABSENT for own in rows))))

    @property
    def _every(self) -> Places:
        return np.arange(len(self))

    def _each(self, before: Sequence[T], after: Sequence[T]) -> Coded[T]:
        """What the baseline's table says of each sample; of those that it lacks, the current's."""
        ours, theirs = coded(before), coded(after)
        rows = self.baseline.rows(self._every)
        lacking = np.flatnonzero(rows == ABSENT)
        if not len(lacking):
            return Coded(ours.codes[rows], ours.distinct)
        codes = np.append(ours.codes, 0)[rows].astype(np.intp)
        codes[lacking] = len(ours.distinct) + theirs.codes[self.current.rows(lacking)]
        return Coded(codes, [*ours.distinct, *theirs.distinct])


def pair(baseline: ScoreTable, current: ScoreTable, *, lone: bool = False) -> Paired:
    """The samples of two tables side by side, in the baseline's order.

    Args:
        baseline: what is compared with.
        current: what is compared.
        lone: also those that only one of them has, without a score for the other.
    """
    metrics = tuple(name for name in baseline.metrics if name in current.metrics)
    if _same_samples(baseline, current):
        return Paired(metrics, Side(baseline, None), Side(current, None), 0, 0)
    left, right = _identities(baseline, current)
    partner = _found(left, right)
    alone = np.flatnonzero(~np.isin(right, left))
    shown = np.ones(len(left), np.bool_) if lone else partner != ABSENT
    more = alone if lone else alone[:0]
    return Paired(
        metrics,
        Side(baseline, np.append(np.flatnonzero(shown), np.full(len(more), ABSENT))),
        Side(current, np.append(partner[shown], more)),
        n_only_baseline=int(np.sum(partner == ABSENT)),
        n_only_current=len(alone),
    )


def _same_samples(baseline: ScoreTable, current: ScoreTable) -> bool:
    """Whether both have the same samples in the same order, with as many epochs each."""
    before, after = baseline.starts, current.starts
    if before is None or after is None:
        return before is after and same_keys(baseline.keys, current.keys)
    return np.array_equal(before, after) and same_keys(baseline.keys, current.keys)


def _identities(baseline: ScoreTable, current: ScoreTable) -> tuple[Places, Places]:
    """A number for each sample: content, and which of its occurrences in the dataset it is."""
    codes = numbered(baseline.keys, current.keys)
    split = len(baseline.keys)
    left, right = (
        own if table.starts is None else own[table.starts]
        for table, own in ((baseline, codes[:split]), (current, codes[split:]))
    )
    occurrences = _occurrences(left), _occurrences(right)
    most = 1 + max(int(o.max(initial=0)) for o in occurrences)
    return left * most + occurrences[0], right * most + occurrences[1]


def _occurrences(codes: Places) -> Places:
    """How many equal ones stand before each."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    first = np.searchsorted(ordered, ordered)
    before = np.empty_like(codes)
    before[order] = np.arange(len(codes)) - first
    return before


def _found(wanted: Places, among: Places) -> Places:
    """Where each of `wanted` stands in `among`, whose values differ; `ABSENT` where it does not."""
    order = np.argsort(among)
    places = np.append(np.searchsorted(among, wanted, sorter=order), 0)[:-1]
    candidates = np.append(order, ABSENT)[np.minimum(places, len(order))]
    same = np.append(among, 0)[candidates] == wanted
    return np.where(same & (candidates != ABSENT), candidates, ABSENT)
