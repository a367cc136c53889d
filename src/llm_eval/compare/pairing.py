"""Which results of two runs are about the same sample.

Samples pair by content, so a renamed or reordered row still finds its partner. Of content that a
dataset holds twice, the first pairs with the first. Epochs of one sample are averaged before
anything is tested: they are no new evidence about other samples (Miller 2024, arXiv 2411.00640).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from llm_eval.metrics.score_table import ScoreTable, rows_by_label

Floats = NDArray[np.float64]
Identity = tuple[str, int]
"""Content key of a sample, and which of its occurrences in the dataset."""


@dataclass(frozen=True)
class Paired:
    """One row a sample that both runs have; columns are the metrics that both runs have."""

    metrics: tuple[str, ...]
    keys: Sequence[str]
    labels: Sequence[tuple[str, ...]]
    clusters: Sequence[str | None]
    baseline: Floats
    """samples × metrics; NaN where failed or unscored."""
    current: Floats
    only_baseline: tuple[str, ...]
    """Keys of samples that the current run lacks."""
    only_current: tuple[str, ...]

    @cached_property
    def rows_by_label(self) -> Mapping[str, NDArray[np.intp]]:
        """Rows that carry each label."""
        return rows_by_label(self.labels)


@dataclass(frozen=True, slots=True)
class _Samples:
    """A table with one row a sample: its epochs averaged."""

    row: Mapping[Identity, int]
    table_row: NDArray[np.intp]
    """Where the sample's first epoch stands in the table."""
    values: Floats


def pair(baseline: ScoreTable, current: ScoreTable) -> Paired:
    """The samples that both tables hold, in the baseline's order."""
    left, right = _by_sample(baseline), _by_sample(current)
    metrics = tuple(name for name in baseline.metrics if name in current.metrics)
    both = [identity for identity in left.row if identity in right.row]
    here = [left.table_row[left.row[identity]] for identity in both]
    return Paired(
        metrics=metrics,
        keys=[key for key, _ in both],
        labels=[baseline.labels[row] for row in here],
        clusters=[baseline.clusters[row] for row in here],
        baseline=_select(left, both, [baseline.metrics.index(m) for m in metrics]),
        current=_select(right, both, [current.metrics.index(m) for m in metrics]),
        only_baseline=tuple(key for key, n in left.row if (key, n) not in right.row),
        only_current=tuple(key for key, n in right.row if (key, n) not in left.row),
    )


def _select(samples: _Samples, identities: Sequence[Identity], columns: Sequence[int]) -> Floats:
    rows = np.array([samples.row[identity] for identity in identities], dtype=np.intp)
    return samples.values[rows][:, np.array(columns, dtype=np.intp)]


def _by_sample(table: ScoreTable) -> _Samples:
    first_of, owner = np.unique(table.indices, return_index=True)[1], None
    if len(first_of) < len(table.indices):
        owner = np.unique(table.indices, return_inverse=True)[1]
    row: dict[Identity, int] = {}
    occurrences: dict[str, int] = {}
    for number, position in enumerate(first_of):
        key = table.keys[position]
        occurrences[key] = occurrences.get(key, -1) + 1
        row[key, occurrences[key]] = number
    return _Samples(row, first_of, table.values if owner is None else _means(table, owner))


def _means(table: ScoreTable, owner: NDArray[np.intp]) -> Floats:
    """Mean of each sample's epochs; one epoch without a score leaves the sample without one."""
    sums = np.zeros((int(owner.max()) + 1, len(table.metrics)))
    np.add.at(sums, owner, table.values)
    return sums / np.bincount(owner)[:, None]
