"""What became of each result besides its scores: status, time, tokens, money, as columns.

Rows are those of the run's `ScoreTable`, which is read with them: of one moment, in one order.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from llm_eval.metrics import codec
from llm_eval.metrics.columns import Coded, Coder, coded
from llm_eval.metrics.float_columns import FloatColumn, FloatColumns
from llm_eval.metrics.run_columns import Page, read_pages
from llm_eval.metrics.score_table import ScoreTable, TableMaker
from llm_eval.metrics.spooled_list import SpooledList

_AMOUNTS = ("latency_s", "cost_usd", "prompt_tokens", "completion_tokens")


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


def read_with_scores(
    engine: Engine, run: int, metrics: tuple[str, ...]
) -> tuple[ScoreTable, Outcomes]:
    """The scores and the outcomes of the run with this key, row by row of the same results.

    Memory takes some 14 bytes a result; a temporary file 8 a metric, 64 and the name.

    Raises:
        StoreError: the database cannot be read, or the temporary file not be written.
    """
    table, outcomes = TableMaker(metrics, keys=True), _OutcomesMaker()
    names = tuple(dict.fromkeys((*table.needs, *outcomes.needs)))
    for page in read_pages(engine, run, names):
        table.add(page)
        outcomes.add(page)
    return table.table(), outcomes.outcomes()


class _OutcomesMaker:
    """What was read so far. Buffers grow in place: rows are never held as objects."""

    needs: ClassVar = (
        "epoch",
        "sample_id",
        "slice",
        "groups",
        "status",
        "parse_failed",
        "cut_off",
        *_AMOUNTS,
    )

    def __init__(self) -> None:
        self._epochs = array("h")
        self._ids: SpooledList[str] = SpooledList(codec.unescape)
        self._slices: Coder[str | None] = Coder()
        self._groups: Coder[str] = Coder()
        self._statuses: Coder[str] = Coder()
        self._parse_failed, self._cut_off = bytearray(), bytearray()
        self._amounts = FloatColumns(len(_AMOUNTS))

    def add(self, page: Page) -> None:
        self._epochs.extend(page["epoch"])
        self._ids.extend(page["sample_id"])
        self._slices.extend(page["slice"])
        self._groups.extend(page["groups"])
        self._statuses.extend(page["status"])
        self._parse_failed.extend(page["parse_failed"])
        self._cut_off.extend(page["cut_off"])
        self._amounts.add_columns([page[name] for name in _AMOUNTS])

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
