"""What the replies of a run took in sum: tokens, money, time. No text is read."""

import math
from array import array
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from llm_eval.metrics.schema import responses
from llm_eval.metrics.transactions import streaming

_PAGE = 2000


class Consumption(NamedTuple):
    """What the replies of a run took."""

    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """None where the price of any reply is unknown."""
    latencies_s: NDArray[np.float64]
    """Of the replies that were really asked for, ascending."""
    cache_hits: int


def read_consumption(engine: Engine, run: int) -> Consumption:
    """What the run with this key took; sums do not depend on the order of its replies.

    Raises:
        StoreError: the database cannot be read.
    """
    columns = responses.c
    query = select(
        columns.prompt_tokens,
        columns.completion_tokens,
        columns.cost_usd,
        columns.latency_s,
        columns.cached,
    ).where(columns.run == run)
    prompt_tokens = completion_tokens = cache_hits = 0
    costs, latencies, unknown = array("d"), array("d"), False
    with streaming(engine, query, _PAGE) as answer:
        for row in answer:
            prompt_tokens += row[0]
            completion_tokens += row[1]
            if row[2] is None:
                unknown = True
            else:
                costs.append(row[2])
            if row[4]:
                cache_hits += 1
            else:
                latencies.append(row[3])
    cost = None if unknown else math.fsum(costs)
    measured = np.frombuffer(latencies, np.float64)
    measured.sort()  # in place: a copy of a million takes 8 MB
    return Consumption(prompt_tokens, completion_tokens, cost, measured, cache_hits)
