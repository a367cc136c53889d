"""Which results of two runs are about the same sample.

    baseline  a  b  c  c'         pairs  a–a  b–b  c–c  c'–?
    current   b  a  c

Samples pair by content, so a renamed or reordered row still finds its partner. Of content that a
dataset holds twice, the first pairs with the first. Epochs of one sample are averaged before
anything is tested: they are no new evidence about other samples (Miller 2024, arXiv 2411.00640).
A sample that one run should have and has not is a pair without a score, never a pair less.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from llm_eval.metrics.columns import Coded, Digests
from llm_eval.metrics.score_table import ScoreTable, rows_by_label

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Identity = tuple[str, int]
"""Content key of a sample, and which of its occurrences in the dataset."""

ABSENT = -1


@dataclass(frozen=True)
class Paired:
    """One row a sample; columns are the metrics that both runs have."""

    metrics: tuple[str, ...]
    keys: Sequence[str]
    labels: Sequence[tuple[str, ...]]
    clusters: NDArray[np.intp] | None
    """One number a cluster; None where no sample names one."""
    baseline: Floats
    """samples × metrics, column by column; NaN where failed, unscored or absent."""
    current: Floats
    baseline_rows: Rows
    """Where the sample's first epoch stands in the baseline's table; `ABSENT` where it is not."""
    current_rows: Rows
    only_baseline: tuple[str, ...]
    """Keys of samples that the current run lacks."""
    only_current: tuple[str, ...]

    @cached_property
    def rows_by_label(self) -> Mapping[str, Rows]:
        """Rows that carry each label."""
        return rows_by_label(self.labels)

    @property
    def n_shared(self) -> int:
        """Samples that both runs have a result for."""
        return int(np.sum((self.baseline_rows != ABSENT) & (self.current_rows != ABSENT)))


@dataclass(frozen=True, slots=True)
class _Samples:
    """A table with one row a sample: its epochs averaged."""

    number: Mapping[Identity, int]
    starts: Rows
    """Where each sample's first epoch stands in the table."""
    values: Floats


def pair(baseline: ScoreTable, current: ScoreTable, *, lone: bool = False) -> Paired:
    """The samples of two tables side by side, in the baseline's order.

    Args:
        baseline: what is compared with.
        current: what is compared.
        lone: also those that only one of them has, without a score for the other.
    """
    metrics = tuple(name for name in baseline.metrics if name in current.metrics)
    if _are_the_same(baseline, current):
        return _side_by_side(baseline, current, metrics)
    left, right = _by_sample(baseline), _by_sample(current)
    only_left = [identity for identity in left.number if identity not in right.number]
    only_right = [identity for identity in right.number if identity not in left.number]
    shown = [i for i in left.number if lone or i in right.number] + only_right * lone
    left_rows, right_rows = _rows(left, shown), _rows(right, shown)
    places = list(zip(left_rows.tolist(), right_rows.tolist(), strict=True))
    return Paired(
        metrics=metrics,
        keys=[key for key, _ in shown],
        labels=[baseline.labels[a] if a != ABSENT else current.labels[b] for a, b in places],
        clusters=_codes(
            baseline.clusters[a] if a != ABSENT else current.clusters[b] for a, b in places
        ),
        baseline=_select(left, shown, [baseline.metrics.index(m) for m in metrics]),
        current=_select(right, shown, [current.metrics.index(m) for m in metrics]),
        baseline_rows=left_rows,
        current_rows=right_rows,
        only_baseline=tuple(key for key, _ in only_left),
        only_current=tuple(key for key, _ in only_right),
    )


def _are_the_same(baseline: ScoreTable, current: ScoreTable) -> bool:
    """Whether both hold the same samples in the same order, with one row each."""
    known = isinstance(baseline.keys, Digests) and baseline.keys == current.keys
    return known and not any(
        (np.diff(table.indices) == 0).any() or not len(table.indices)
        for table in (baseline, current)
    )


def _side_by_side(baseline: ScoreTable, current: ScoreTable, metrics: tuple[str, ...]) -> Paired:
    """Rows pair as they stand: no sample is looked up, so that a million take few bytes each."""
    rows = np.arange(len(baseline.indices))
    columns = [
        np.asfortranarray(table.values[:, [table.metrics.index(m) for m in metrics]])
        for table in (baseline, current)
    ]
    return Paired(
        metrics=metrics,
        keys=baseline.keys,
        labels=baseline.labels,
        clusters=_codes(baseline.clusters),
        baseline=columns[0],
        current=columns[1],
        baseline_rows=rows,
        current_rows=rows,
        only_baseline=(),
        only_current=(),
    )


def epoch_starts(table: ScoreTable) -> Rows:
    """Where the first epoch of each sample stands; the others follow it."""
    return np.unique(table.indices, return_index=True)[1]


def _numbers(samples: _Samples, identities: Sequence[Identity]) -> Rows:
    found = (samples.number.get(identity, ABSENT) for identity in identities)
    return np.fromiter(found, np.intp, len(identities))


def _rows(samples: _Samples, identities: Sequence[Identity]) -> Rows:
    numbers = _numbers(samples, identities)
    return np.where(numbers == ABSENT, ABSENT, np.append(samples.starts, ABSENT)[numbers])


def _select(samples: _Samples, identities: Sequence[Identity], columns: Sequence[int]) -> Floats:
    values = np.full((len(identities), len(columns)), np.nan, order="F")
    numbers = _numbers(samples, identities)
    here = numbers != ABSENT
    for place, column in enumerate(columns):
        values[here, place] = samples.values[numbers[here], column]
    return values


def _by_sample(table: ScoreTable) -> _Samples:
    starts = epoch_starts(table)
    number: dict[Identity, int] = {}
    occurrences: dict[str, int] = {}
    for place, start in enumerate(starts.tolist()):
        key = table.keys[start]
        occurrences[key] = occurrences.get(key, -1) + 1
        number[key, occurrences[key]] = place
    return _Samples(number, starts, _means(table, starts))


def _means(table: ScoreTable, starts: Rows) -> Floats:
    """Mean of each sample's epochs; one epoch without a score leaves the sample without one."""
    if len(starts) == len(table.indices):
        return table.values
    counts = np.diff(np.append(starts, len(table.indices)))
    means: Floats = np.add.reduceat(table.values, starts, axis=0) / counts[:, None]
    return means


def _codes(clusters: Iterable[str | None]) -> NDArray[np.intp] | None:
    """A number for each cluster; a sample without one is a cluster of its own."""
    if isinstance(clusters, Coded) and set(clusters.distinct) <= {None}:
        return None
    numbers: dict[str | int, int] = {}
    codes = [
        numbers.setdefault(place if name is None else name, len(numbers))
        for place, name in enumerate(clusters)
    ]
    named = any(isinstance(name, str) for name in numbers)
    return np.array(codes, dtype=np.intp) if named else None
