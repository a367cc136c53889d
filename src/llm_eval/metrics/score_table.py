"""All scores of a run as columns: what the collector, compare and the gates compute with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ScoreTable:
    """One row a result, in (index, epoch) order; one column a metric."""

    metrics: tuple[str, ...]
    indices: NDArray[np.int64]
    """Position of the sample in the dataset."""
    keys: Sequence[str]
    """Content key of each row's sample."""
    labels: Sequence[tuple[str, ...]]
    """What a row is aggregated under: its slice, and each of its groups as `name=value`."""
    clusters: Sequence[str | None]
    failed: NDArray[np.bool_]
    """Rows whose sample has no reply."""
    values: NDArray[np.float64]
    """rows × metrics; NaN where failed or unscored."""

    @cached_property
    def rows_by_label(self) -> Mapping[str, NDArray[np.intp]]:
        """Rows that carry each label; labels in alphabetical order."""
        return rows_by_label(self.labels)


def rows_by_label(labels: Sequence[tuple[str, ...]]) -> Mapping[str, NDArray[np.intp]]:
    """Positions at which each label stands; labels in alphabetical order."""
    positions: dict[str, list[int]] = {}
    for row, carried in enumerate(labels):
        for label in carried:
            positions.setdefault(label, []).append(row)
    return {label: np.array(positions[label], dtype=np.intp) for label in sorted(positions)}
