"""A run's results with what their replies took, read once for all tables that are made of them.

>>> for page in read_pages(engine, run, ("sample_index", "latency_s")):
...     page["sample_index"], page["latency_s"]
((0, 1, 2), (0.31, None, 0.28))

Columns of a page, not rows: what is done with a thousand values at once takes a fraction of the
time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, SmallInteger, and_, case, func, null, select, type_coerce

from llm_eval.metrics.schema import responses, results
from llm_eval.metrics.transactions import streaming

Page = Mapping[str, Sequence[Any]]
"""Some of a run's results, in (index, epoch) order: each column by its name."""

_PAGE = 1000

_OF_RESULTS: Mapping[str, Any] = {
    # As the database has it: made a bool, one column would double the time of all.
    "parse_failed": type_coerce(results.c.parse_error.is_not(None), SmallInteger),
    **results.c,
}
_OF_REPLIES: Mapping[str, Any] = {
    "cut_off": func.coalesce(responses.c.cut_off, 0),
    "latency_s": case((responses.c.cached == 1, null()), else_=responses.c.latency_s),
    "cost_usd": responses.c.cost_usd,
    "prompt_tokens": responses.c.prompt_tokens,
    "completion_tokens": responses.c.completion_tokens,
}
"""NULL where there is no reply, and the latency of one from the cache."""


def read_pages(engine: Engine, run: int, names: Sequence[str]) -> Iterator[Page]:
    """The columns `names` of the run with this key, as the database has them.

    Raises:
        StoreError: the database cannot be read.
    """
    known = {**_OF_REPLIES, **_OF_RESULTS}
    query = select(*(known[name].label(name) for name in names)).select_from(results)
    if not _OF_REPLIES.keys().isdisjoint(names):
        reply = and_(
            responses.c.run == results.c.run,
            responses.c.sample_index == results.c.sample_index,
            responses.c.epoch == results.c.epoch,
        )
        query = query.outerjoin(responses, reply)
    query = query.where(results.c.run == run).order_by(results.c.sample_index, results.c.epoch)
    with streaming(engine, query, _PAGE) as answer:
        for rows in answer.partitions():
            yield dict(zip(names, zip(*rows, strict=True), strict=True))
