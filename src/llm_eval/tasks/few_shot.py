"""Worked examples in front of a sample, chosen by (seed, task, sample) alone.

So a prompt never depends on the order of the rows, on --limit, or on how many workers run.
"""

import hashlib
import heapq
from collections.abc import Sequence

from llm_eval.types import Sample


def choose(pool: Sequence[Sample], sample: Sample, n: int, *, task: str, seed: int) -> list[Sample]:
    """`n` of `pool`, never `sample` itself, in an order of their own.

    Every candidate is ranked by a hash of (seed, task, sample, candidate): adding a row to the
    pool changes few prompts, reordering it changes none.
    """
    others = (candidate for candidate in pool if candidate.key != sample.key)
    salt = f"{seed}/{task}/{sample.key}/"
    return heapq.nsmallest(
        n, others, key=lambda c: hashlib.blake2b((salt + c.key).encode(), digest_size=16).digest()
    )
