"""Which samples crossed the line between best and not best on the first metric.

one epoch a sample    newly failing: was best, is not      newly passing: the other way round
several epochs        newly failing: best in every epoch, then in none; a sample whose epochs
                      disagree within a run is `unstable`, which is neither
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm_eval.compare.pairing import Paired, epoch_starts
from llm_eval.metrics.score_table import ScoreTable
from llm_eval.types import Metric

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChangedSample:
    """One sample with its mean score in each run."""

    key: str
    id: str
    """The row's own name: `llm-eval show RUN --sample ID` takes it, as it takes the key."""
    baseline: float
    current: float
    baseline_index: int
    """Position in the run's dataset."""
    current_index: int

    def to_dict(self) -> dict[str, Any]:
        """As in the `--json` object."""
        return {
            "id": self.id,
            "key": self.key,
            "baseline": self.baseline,
            "current": self.current,
        }


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed sample by sample on one metric."""

    metric: Metric | None = None
    newly_failing: tuple[ChangedSample, ...] = ()
    """The largest fall first, then in the dataset's order."""
    newly_passing: tuple[ChangedSample, ...] = ()
    unstable: tuple[ChangedSample, ...] = ()


def find_changes(
    paired: Paired,
    metric: Metric,
    names: Callable[[Sequence[int]], Mapping[int, str]],
) -> Changes:
    """The changed samples of a pair of runs.

    Args:
        paired: the runs' samples side by side.
        metric: one of theirs; it says what is best.
        names: gives the names of samples by their positions in the current dataset.
    """
    baseline, current = paired.tables
    before = _share_best(baseline, metric)[paired.baseline_rows]
    after = _share_best(current, metric)[paired.current_rows]
    left, right = paired.scores(metric.name)
    known = ~(np.isnan(left) | np.isnan(right))
    mixed = ((before > 0) & (before < 1)) | ((after > 0) & (after < 1))
    sign = 1.0 if metric.higher_is_better else -1.0
    gain = sign * (right - left)

    def samples(mask: NDArray[np.bool_], order: Floats) -> tuple[ChangedSample, ...]:
        rows = np.flatnonzero(known & mask)
        rows = rows[np.argsort(order[rows], kind="stable")]
        places = current.indices[paired.current_rows[rows]].tolist()
        known_as = names(places)
        return tuple(
            ChangedSample(
                paired.key(row),
                known_as.get(place, paired.key(row)),
                float(left[row]),
                float(right[row]),
                int(baseline.indices[paired.baseline_rows[row]]),
                place,
            )
            for row, place in zip(rows.tolist(), places, strict=True)
        )

    return Changes(
        metric,
        newly_failing=samples((before == 1) & (after == 0), gain),
        newly_passing=samples((before == 0) & (after == 1), -gain),
        unstable=samples(mixed, gain),
    )


def _share_best(table: ScoreTable, metric: Metric) -> Floats:
    """Share of the epochs that are best, at each sample's first row; 0 behind the last."""
    shares = np.zeros(len(table.indices) + 1)
    starts = epoch_starts(table)
    if len(starts):
        tried = np.diff(np.append(starts, len(table.indices)))
        values = table.scores(metric.name)
        shares[starts] = np.add.reduceat(values == metric.best, starts, dtype=float) / tried
    return shares
