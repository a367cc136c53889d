"""What became of each result besides its scores: status, time, tokens, money, as columns.

Rows stand in (index, epoch) order, as those of the run's `ScoreTable` do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, and_, or_, select

from llm_eval.metrics import codec
from llm_eval.metrics.schema import responses, results
from llm_eval.metrics.transactions import reading

Floats = NDArray[np.float64]

CUT_OFF = ("length", "content_filter", "refusal")
"""Reasons to finish that leave a reply unfinished."""


@dataclass(frozen=True)
class Outcomes:
    """One row a result."""

    epochs: NDArray[np.int64]
    ids: Sequence[str]
    """Names of the samples, for people."""
    slices: Sequence[str | None]
    groups: Sequence[Mapping[str, str]]
    statuses: Sequence[str]
    """scored | unscored | failed."""
    parse_failed: NDArray[np.bool_]
    """Replies that were no answer."""
    cut_off: NDArray[np.bool_]
    """Replies that ended before their end: too long, filtered, refused."""
    latency_s: Floats
    """NaN where no reply was asked for: it failed, or came from the cache."""
    cost_usd: Floats
    """NaN where the price or the reply is unknown."""
    prompt_tokens: Floats
    completion_tokens: Floats


def read_outcomes(engine: Engine, run: int) -> Outcomes:
    """The outcomes of the run with this key; no text is read but the samples' names.

    Raises:
        StoreError: the database cannot be read.
    """
    reply = and_(
        responses.c.run == results.c.run,
        responses.c.sample_index == results.c.sample_index,
        responses.c.epoch == results.c.epoch,
    )
    query = (
        select(
            results.c.epoch,
            results.c.sample_id,
            results.c.slice,
            results.c.groups,
            results.c.status,
            results.c.parse_error.is_not(None).label("parse_failed"),
            _cut_off().label("cut_off"),
            responses.c.latency_s,
            responses.c.cached,
            responses.c.cost_usd,
            responses.c.prompt_tokens,
            responses.c.completion_tokens,
        )
        .select_from(results)
        .outerjoin(responses, reply)
        .where(results.c.run == run)
        .order_by(results.c.sample_index, results.c.epoch)
    )
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    n = len(rows)
    groups = {text: codec.from_json(text) for text in {row.groups for row in rows}}
    return Outcomes(
        epochs=np.fromiter((row.epoch for row in rows), np.int64, n),
        ids=[codec.unescape(row.sample_id) for row in rows],
        slices=[None if row.slice is None else codec.unescape(row.slice) for row in rows],
        groups=[groups[row.groups] for row in rows],
        statuses=[row.status for row in rows],
        parse_failed=np.fromiter((row.parse_failed for row in rows), np.bool_, n),
        cut_off=np.fromiter((bool(row.cut_off) for row in rows), np.bool_, n),
        latency_s=_floats([None if row.cached else row.latency_s for row in rows]),
        cost_usd=_floats([row.cost_usd for row in rows]),
        prompt_tokens=_floats([row.prompt_tokens for row in rows]),
        completion_tokens=_floats([row.completion_tokens for row in rows]),
    )


def _cut_off() -> Any:
    """Looked for in the stored JSON: within its texts every quotation mark is escaped."""
    return or_(
        *(
            responses.c.response.contains(f'"finish_reason":{space}"{reason}"', autoescape=True)
            for reason in CUT_OFF
            for space in ("", " ")
        )
    )


def _floats(values: Sequence[Any]) -> Floats:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
