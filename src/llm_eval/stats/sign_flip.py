"""A sum whose terms were as likely to have the other sign: how seldom is it so far from 0?

    >>> sign_flip([0.5, 0.25, 0.25, 0.5], np.random.default_rng(0))  # 2 of 16 patterns
    0.125

Up to 20 terms every pattern of signs is counted: the sums of two halves, each sorted, meet in the
middle. Beyond, 9,999 patterns are drawn, and eight signs at a time looked up in a table.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

EXACT_FLIPS = 20
"""Differences up to which every pattern of signs is counted."""
DRAWN_FLIPS = 300
"""Differences up to which signs are drawn; beyond, Student's t gives the same answer."""
FLIP_DRAWS = 9999

_BYTES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float64)


def sign_flip(differences: ArrayLike, rng: np.random.Generator) -> float:
    """Two-sided p value of a sum whose terms are as likely to have either sign (Fisher 1935).

    Args:
        differences: one an independent unit; the order makes no difference.
        rng: used where more than 20 differ from 0: 9,999 patterns of signs are drawn.
    """
    d = np.asarray(differences, dtype=np.float64)
    sizes = np.sort(np.abs(d[d != 0]))
    # Sums in another order differ in their last bits; a tie is a tie all the same.
    least = abs(float(d.sum())) - 1e-9 * float(sizes.sum())
    if least <= 0:
        return 1.0
    if len(sizes) <= EXACT_FLIPS:
        return float(2 * _at_least(sizes, least) / 2.0 ** len(sizes))
    sums = _drawn(sizes, rng)
    return float((1 + np.sum(np.abs(sums) >= least)) / (FLIP_DRAWS + 1))


def _at_least(sizes: Floats, least: float) -> int:
    """Patterns of signs whose sum reaches `least`; as many reach its negative."""
    middle = len(sizes) // 2
    left, right = _sums(sizes[:middle]), np.sort(_sums(sizes[middle:]))
    return int(np.sum(len(right) - np.searchsorted(right, least - left)))


def _sums(sizes: Floats) -> Floats:
    """Of every pattern of signs."""
    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums + size, sums - size])
    return sums


def _drawn(sizes: Floats, rng: np.random.Generator) -> Floats:
    """Sums of drawn patterns of signs."""
    n_bytes = -(-len(sizes) // 8)
    patterns = np.frombuffer(rng.bytes(FLIP_DRAWS * n_bytes), np.uint8).reshape(FLIP_DRAWS, n_bytes)
    padded = np.zeros(8 * n_bytes)
    padded[: len(sizes)] = sizes
    positive = np.zeros(FLIP_DRAWS)
    for place in range(n_bytes):
        positive += (_BYTES @ padded[8 * place : 8 * place + 8])[patterns[:, place]]
    return 2 * positive - float(sizes.sum())
