"""Results of a run as they are stored, read page by page: memory does not grow with the run."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, and_, func, or_, select, tuple_

from llm_eval.metrics import codec
from llm_eval.metrics.schema import imperfect, responses, results, samples
from llm_eval.metrics.transactions import reading

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which results; what is None does not narrow."""

    slice: str | None = None
    """Only this slice, or `name=value` of a group."""
    failures: bool = False
    """Only what did not get the headline metric's best value."""
    sample: str | None = None
    """Only this sample, by its id, its key or the beginning of its key."""
    after: tuple[int, int] | None = None
    """Only what follows this (index, epoch)."""
    limit: int | None = None


def read_rows(engine: Engine, run: int, wanted: Wanted) -> Iterator[Mapping[str, Any]]:
    """Results with their samples and replies, in (index, epoch) order.

    Raises:
        StoreError: the database cannot be read.
    """
    query, after, left = _query(run, wanted), wanted.after, wanted.limit
    while left is None or left > 0:
        page = query.limit(_PAGE if left is None else min(_PAGE, left))
        if after is not None:
            page = page.where(tuple_(results.c.sample_index, results.c.epoch) > tuple_(*after))
        with reading(engine) as connection:
            answer = connection.execute(page)
            names = tuple(answer.keys())
            rows = [dict(zip(names, row, strict=True)) for row in answer]
        yield from rows
        if len(rows) < _PAGE:
            return
        after = (rows[-1]["sample_index"], rows[-1]["epoch"])
        left = None if left is None else left - len(rows)


def _query(run: int, wanted: Wanted) -> Select[Any]:
    reply = and_(
        responses.c.run == results.c.run,
        responses.c.sample_index == results.c.sample_index,
        responses.c.epoch == results.c.epoch,
    )
    query = (
        select(results, samples.c.body, responses.c.prompt, responses.c.response)
        .join(samples, samples.c.key == results.c.sample_key)
        .outerjoin(responses, reply)
        .where(results.c.run == run)
        .order_by(results.c.sample_index, results.c.epoch)
    )
    if wanted.slice is not None:
        query = query.where(_carries(wanted.slice))
    if wanted.failures:
        query = query.where(imperfect)
    if wanted.sample is not None:
        query = query.where(_called(wanted.sample))
    return query


def _carries(label: str) -> ColumnElement[bool]:
    """A label is the slice's name, or `name=value` of a group, as tables show it."""
    # LIKE would not tell capitals from small letters on SQLite.
    groups = [func.replace(results.c.groups, m, "") != results.c.groups for m in _members(label)]
    return or_(results.c.slice == codec.escape(label), *groups)


def _members(label: str) -> list[str]:
    """`"name":"value"` as a group's JSON has it, for each `=` that may stand between the two.

    Quotes within names and values are escaped there, so nothing else reads like a member.
    """
    ends = [at for at, letter in enumerate(label) if letter == "="]
    pairs = [{label[:at]: label[at + 1 :]} for at in ends]
    # The codec has two ways to write JSON; the second is for text with half a surrogate pair.
    texts = {text for pair in pairs for text in (codec.to_json(pair), json.dumps(pair))}
    return sorted(text[1:-1] for text in texts)


def _called(name: str) -> ColumnElement[bool]:
    by_id = results.c.sample_id == codec.escape(name)
    if not name:  # every key begins with nothing
        return by_id
    return or_(by_id, results.c.sample_key.startswith(name, autoescape=True))
