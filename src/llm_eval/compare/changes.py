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

from llm_eval.compare.pairing import Paired, Side
from llm_eval.metrics.spooled_list import SpooledList
from llm_eval.types import Metric

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Names = Callable[[Sequence[int]], Mapping[int, str]]

_PAGE = 500


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
    """What changed sample by sample on one metric. It may be every sample: none is in memory."""

    metric: Metric | None = None
    newly_failing: Sequence[ChangedSample] = ()
    """The largest fall first, then in the dataset's order."""
    newly_passing: Sequence[ChangedSample] = ()
    unstable: Sequence[ChangedSample] = ()


def find_changes(paired: Paired, metric: Metric, names: Names) -> Changes:
    """The changed samples of a pair of runs.

    Args:
        paired: the runs' samples side by side.
        metric: one of theirs; it says what is best.
        names: gives the names of samples by their positions in the current dataset.
    """
    failing, passing, unstable = _changed(paired, metric)
    left, right = paired.scores(metric.name)
    sign = 1.0 if metric.higher_is_better else -1.0

    def samples(places: Places, gained: float) -> Sequence[ChangedSample]:
        before, after = left[places], right[places]
        order = np.argsort(gained * (after - before), kind="stable")
        return _spooled(paired, places[order], before[order], after[order], names)

    return Changes(metric, samples(failing, sign), samples(passing, -sign), samples(unstable, sign))


def _changed(paired: Paired, metric: Metric) -> tuple[Places, Places, Places]:
    """Places of the newly failing, the newly passing and the unstable."""
    known = ~np.logical_or(*(np.isnan(scores) for scores in paired.scores(metric.name)))
    before, after = (_share_best(side, metric) for side in (paired.baseline, paired.current))
    mixed = ((before > 0) & (before < 1)) | ((after > 0) & (after < 1))
    return (
        np.flatnonzero(known & (before == 1) & (after == 0)),
        np.flatnonzero(known & (before == 0) & (after == 1)),
        np.flatnonzero(known & mixed),
    )


def _share_best(side: Side, metric: Metric) -> Floats:
    """Share of the epochs that are best, one a pair; 0 where the run lacks the sample."""
    best = side.table.scores(metric.name) == metric.best
    return side.means(best.astype(np.float64), absent=0.0)


def _spooled(
    paired: Paired, places: Places, before: Floats, after: Floats, names: Names
) -> SpooledList[ChangedSample]:
    """The samples at these places, a page at a time."""
    found = SpooledList(lambda fields: ChangedSample(*fields))
    old, new = paired.baseline, paired.current
    for start in range(0, len(places), _PAGE):
        page = slice(start, start + _PAGE)
        rows = old.rows(places[page])
        keys = [old.table.keys[row] for row in rows.tolist()]
        indices = new.table.indices[new.rows(places[page])].tolist()
        known_as = names(indices)
        found.extend(
            zip(
                keys,
                [known_as.get(index, key) for index, key in zip(indices, keys, strict=True)],
                before[page].tolist(),
                after[page].tolist(),
                old.table.indices[rows].tolist(),
                indices,
                strict=True,
            )
        )
    return found
