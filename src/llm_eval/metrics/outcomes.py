"""What became of each result besides its scores: status, time, tokens, money, as columns.

Rows stand in (index, epoch) order, as those of the run's `ScoreTable` do.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, Select, and_, case, null, or_, select

from llm_eval.metrics import codec
from llm_eval.metrics.columns import Coded, Coder, coded
from llm_eval.metrics.float_columns import FloatColumn, FloatColumns
from llm_eval.metrics.schema import responses, results
from llm_eval.metrics.spooled_list import SpooledList
from llm_eval.metrics.transactions import streaming

_PAGE = 2000

CUT_OFF = ("length", "content_filter", "refusal")
"""Reasons to finish that leave a reply unfinished."""


class Outcome(NamedTuple):
    """What became of one result; the fields are those of `Outcomes`."""

    epoch: int
    id: str
    slice: str | None
    groups: Mapping[str, str]
    status: str
    parse_failed: bool
    cut_off: bool
    latency_s: float
    cost_usd: float
    prompt_tokens: float
    completion_tokens: float


@dataclass(frozen=True)
class Outcomes:
    """One row a result."""

    epochs: NDArray[np.integer[Any]]
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
    latency_s: FloatColumn
    """NaN where no reply was asked for: it failed, or came from the cache."""
    cost_usd: FloatColumn
    """NaN where the price or the reply is unknown."""
    prompt_tokens: FloatColumn
    completion_tokens: FloatColumn

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Results that have every score."""
        statuses = coded(self.statuses)
        scored = np.array([status == "scored" for status in statuses.distinct], dtype=np.bool_)
        return np.take(scored, statuses.codes)

    def each(self) -> Iterator[Outcome]:
        """The results one by one."""
        amounts = (self.latency_s, self.cost_usd, self.prompt_tokens, self.completion_tokens)
        yield from map(
            Outcome,
            self.epochs.tolist(),
            self.ids,
            self.slices,
            self.groups,
            self.statuses,
            self.parse_failed.tolist(),
            self.cut_off.tolist(),
            *(column[:].tolist() for column in amounts),
        )


def read_outcomes(engine: Engine, run: int) -> Outcomes:
    """The outcomes of the run with this key; no text is read but the samples' names.

    Memory takes some 7 bytes a result; a temporary file 32 and the name.

    Raises:
        StoreError: the database cannot be read, or the temporary file not be written.
    """
    read = _Columns()
    with streaming(engine, _query(run), _PAGE) as answer:
        for page in answer.partitions():
            read.add(page)
    return read.outcomes()


class _Columns:
    """What was read so far. Buffers grow in place: rows are never held as objects."""

    def __init__(self) -> None:
        self._epochs = array("h")
        self._ids: SpooledList[str] = SpooledList(codec.unescape)
        self._slices: Coder[str | None] = Coder()
        self._groups: Coder[str] = Coder()
        self._statuses: Coder[str] = Coder()
        self._parse_failed, self._cut_off = bytearray(), bytearray()
        self._amounts = FloatColumns(4)

    def add(self, rows: Sequence[Any]) -> None:
        for row in rows:
            self._epochs.append(row.epoch)
            self._slices.append(row.slice)
            self._groups.append(row.groups)
            self._statuses.append(row.status)
            self._parse_failed.append(row.parse_failed)
            self._cut_off.append(bool(row.cut_off))
        self._ids.extend(row.sample_id for row in rows)
        amounts = [nan if amount is None else amount for row in rows for amount in row[-4:]]
        self._amounts.add(codec.pack(amounts))

    def outcomes(self) -> Outcomes:
        slices, groups = self._slices.coded(), self._groups.coded()
        return Outcomes(
            np.frombuffer(self._epochs, self._epochs.typecode),
            self._ids,
            Coded(slices.codes, [s if s is None else codec.unescape(s) for s in slices.distinct]),
            Coded(groups.codes, [codec.from_json(text) for text in groups.distinct]),
            self._statuses.coded(),
            np.frombuffer(self._parse_failed, np.bool_),
            np.frombuffer(self._cut_off, np.bool_),
            *self._amounts.columns(),
        )


def _query(run: int) -> Select[Any]:
    reply = and_(
        responses.c.run == results.c.run,
        responses.c.sample_index == results.c.sample_index,
        responses.c.epoch == results.c.epoch,
    )
    return (
        select(
            results.c.epoch,
            results.c.sample_id,
            results.c.slice,
            results.c.groups,
            results.c.status,
            results.c.parse_error.is_not(None).label("parse_failed"),
            _cut_off().label("cut_off"),
            case((responses.c.cached == 1, null()), else_=responses.c.latency_s),
            responses.c.cost_usd,
            responses.c.prompt_tokens,
            responses.c.completion_tokens,
        )
        .select_from(results)
        .outerjoin(responses, reply)
        .where(results.c.run == run)
        .order_by(results.c.sample_index, results.c.epoch)
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
