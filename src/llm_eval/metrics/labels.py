"""What people said of replies, and what is known of judges by it.

A label belongs to a reply's content (sample and text), not to a run: it holds for every run with
the same reply, scored by whatever judge. `scale` says by which dimensions and levels it was given.

>>> storage.labels.put([Label(item_of(key, text), scale, "mk", key, now, {"correctness": 2})])
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select

from llm_eval.errors import ConfigError
from llm_eval.fingerprint import digest
from llm_eval.metrics import codec
from llm_eval.metrics.schema import calibrations, labels
from llm_eval.metrics.transactions import reading, writing
from llm_eval.registry import nearest


@dataclass(frozen=True, slots=True)
class Label:
    """One rater's verdict on one reply."""

    item: str
    """`item_of(sample key, reply)`."""
    scale: str
    """The rubric's `scale`."""
    rater: str
    sample_key: str
    created_at: str
    """ISO 8601, UTC."""
    levels: Mapping[str, int]
    """Position of the level in each dimension."""
    drawn: str = "random"
    """How the reply was chosen: `random`, or `next` by its expected use."""
    note: str = ""
    correction: str = ""
    """What the reference should be, where the rater found it wrong."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was found about one judge recipe, by the labels of some raters."""

    judge: str
    created_at: str
    run_id: str
    report: Mapping[str, Any]

    @property
    def raters(self) -> tuple[str, ...]:
        """Whose labels it rests on, in alphabetical order."""
        return tuple(sorted(self.report.get("raters", ())))


class Labels:
    """Labels and calibrations in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, given: Sequence[Label], *, replace: bool = False) -> int:
        """Store labels, all or none; how many are new. An equal one that is there is no conflict.

        Args:
            given: labels.
            replace: overwrite what the same rater said before.

        Raises:
            ConfigError: the same rater said something else of the same reply; nothing is stored.
        """

        def work(connection: Connection) -> int:
            fresh = [label for label in distinct if _is_new(connection, label, replace=replace)]
            for label in fresh:
                connection.execute(delete(labels).where(*_same(label)))
            if fresh:
                connection.execute(insert(labels), [_row(label) for label in fresh])
            return len(fresh)

        distinct = _distinct(given)
        return writing(self._engine, work)

    def remove(self, label: Label) -> None:
        """Take a label back."""
        statement = delete(labels).where(*_same(label))
        writing(self._engine, lambda connection: connection.execute(statement))

    def given(self, scale: str, rater: str | None = None) -> list[Label]:
        """Every label on a scale, in the order of labelling; of one rater, where named."""
        query = select(labels).where(labels.c.scale == scale)
        if rater is not None:
            query = query.where(labels.c.rater == codec.escape(rater))
        query = query.order_by(labels.c.created_at, labels.c.item, labels.c.rater)
        with reading(self._engine) as connection:
            return [_label(row) for row in connection.execute(query).mappings()]

    def check_rater(self, scale: str, rater: str) -> None:
        """Refuse a rater who has given no label on a scale.

        Raises:
            ConfigError: there is no label of this one; names the nearest who has given some.
        """
        query = select(labels.c.rater).where(labels.c.scale == scale).distinct()
        with reading(self._engine) as connection:
            known = [codec.unescape(name) for name in connection.scalars(query)]
        if rater not in known:
            hint = nearest(rater, known) if known else "nobody has: llm-eval review label"
            raise ConfigError(f"rater {rater!r} has given no label by this rubric; {hint}")

    def put_calibration(self, found: Calibration) -> None:
        """Remember what was found about a judge; by the same raters, the last finding stands."""
        row = {
            "judge": found.judge,
            "raters": json.dumps(found.raters),
            "created_at": found.created_at,
            "run_id": found.run_id,
            "report": codec.to_json(found.report),
        }

        def work(connection: Connection) -> None:
            same = [calibrations.c[name] == row[name] for name in ("judge", "raters")]
            connection.execute(delete(calibrations).where(*same))
            connection.execute(insert(calibrations), row)

        writing(self._engine, work)

    def calibrations(self, judge: str) -> list[Calibration]:
        """What is known about a judge recipe: one of each set of raters, in their order.

        Nothing where any part of the recipe has changed since.
        """
        query = select(calibrations).where(calibrations.c.judge == judge)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(calibrations.c.raters)).mappings().all()
        return [
            Calibration(
                row["judge"], row["created_at"], row["run_id"], codec.from_json(row["report"])
            )
            for row in rows
        ]


def item_of(sample_key: str, reply: str) -> str:
    """Identity of what is labelled: the sample and the reply's text."""
    return digest((sample_key, reply))


def _is_new(connection: Connection, label: Label, *, replace: bool) -> bool:
    row = connection.execute(select(labels).where(*_same(label))).mappings().first()
    if row is None:
        return True
    known = _label(row)
    if (known.levels, known.note, known.correction) == (
        dict(label.levels),
        label.note,
        label.correction,
    ):
        return False
    if not replace:
        raise ConfigError(
            f"rater {label.rater!r} has labelled item {label.item[:12]} otherwise on "
            f"{known.created_at}: {known.levels}, now {dict(label.levels)}; "
            f"nothing was stored; --replace takes the new label"
        )
    return True


def _distinct(given: Sequence[Label]) -> list[Label]:
    seen: dict[tuple[str, str, str], Label] = {}
    for label in given:
        before = seen.setdefault((label.item, label.scale, label.rater), label)
        if dict(before.levels) != dict(label.levels):
            raise ConfigError(
                f"two labels by rater {label.rater!r} for item {label.item[:12]}: "
                f"{dict(before.levels)} and {dict(label.levels)}; nothing was stored"
            )
    return list(seen.values())


def _same(label: Label) -> tuple[Any, ...]:
    return (
        labels.c.item == label.item,
        labels.c.scale == label.scale,
        labels.c.rater == codec.escape(label.rater),
    )


def _row(label: Label) -> dict[str, str]:
    return {
        "item": label.item,
        "scale": label.scale,
        "rater": codec.escape(label.rater),
        "sample_key": label.sample_key,
        "created_at": label.created_at,
        "drawn": label.drawn,
        "levels": codec.to_json(label.levels),
        "note": codec.escape(label.note),
        "correction": codec.escape(label.correction),
    }


def _label(row: Any) -> Label:
    return Label(
        item=row["item"],
        scale=row["scale"],
        rater=codec.unescape(row["rater"]),
        sample_key=row["sample_key"],
        created_at=row["created_at"],
        levels=codec.from_json(row["levels"]),
        drawn=row["drawn"],
        note=codec.unescape(row["note"]),
        correction=codec.unescape(row["correction"]),
    )
