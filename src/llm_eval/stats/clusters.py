"""Clusters as numbers: samples of one document, tries of one sample.

>>> numbered(["a", "b", "a"]), numbered(np.array([7, 3, 7]))
(array([0, 1, 0]), array([0, 1, 0]))
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Clusters = Sequence[Hashable] | NDArray[np.integer]
"""One label a value. Arrays of integers are fastest, and take no memory that matters."""


def numbered(clusters: Clusters) -> NDArray[np.intp]:
    """A number for each cluster, in the order in which they first appear."""
    if isinstance(clusters, np.ndarray):
        _, first, places = np.unique(clusters, return_index=True, return_inverse=True)
        numbers = np.empty(len(first), np.intp)
        numbers[np.argsort(first)] = np.arange(len(first))
        return numbers[places]
    known: dict[Hashable, int] = {}
    return np.fromiter((known.setdefault(c, len(known)) for c in clusters), np.intp, len(clusters))
