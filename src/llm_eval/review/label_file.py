"""Labels as files: exported blind, filled in anywhere, and read back. CSV or JSON lines.

item,sample,question,reference,reply,correctness,completeness,format,note,correction
9f3c…,qa-test-0001,"What country …",Moldova,"The ISO code …",wrong,complete,clean,,

A level is given by its name or by its number. Empty levels mean: not labelled yet.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from llm_eval.datasets.load import load_rows
from llm_eval.errors import ConfigError
from llm_eval.metrics.formula_safe import cell
from llm_eval.metrics.labels import Label
from llm_eval.review.items import Item
from llm_eval.scorers.rubric import Dimension, Rubric

SHOWN = ("item", "sample", "question", "reference", "reply")
_EXTRA = ("note", "correction", "rater", "created_at")


def write_labels(
    items: Sequence[Item], known: Mapping[str, Label], rubric: Rubric, kind: str
) -> str:
    """The text of a file to label in.

    Args:
        items: in the order to label them.
        known: one rater's labels so far, by item.
        rubric: gives a column for each dimension.
        kind: `csv` or `jsonl`.
    """
    rows = [_row(item, known.get(item.item), rubric) for item in items]
    if kind == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    text = io.StringIO()
    columns = [*SHOWN, *(d.name for d in rubric.dimensions), "note", "correction"]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell(str(v or "")) for name, v in row.items()} for row in rows)
    return text.getvalue()


def read_labels(
    path: Path,
    items: Mapping[str, Item],
    rubric: Rubric,
    *,
    rater: str | None,
    now: str,
    drawn: str = "random",
) -> list[Label]:
    """The labels in a file; rows without any level are passed over.

    Args:
        path: `.csv` or `.jsonl`.
        items: what can be labelled, by identity.
        rubric: whose levels are given.
        rater: whose labels they are, unless the row says.
        now: when, unless the row says.
        drawn: how the labelled replies were chosen: `random` or `next`.

    Raises:
        ConfigError: a row is of no reply of the run, half labelled, has a level that is none, or
            names no rater; says file and line.
        DatasetError: the file cannot be read.
    """
    found = []
    for row in load_rows(path):
        try:
            label = _label(row.values, items, rubric, rater, now)
            label = label and replace(label, drawn=drawn)
        except ConfigError as exc:
            raise ConfigError(f"{row.place}: {exc}; nothing was stored") from exc
        if label is not None:
            found.append(label)
    return found


def _row(item: Item, label: Label | None, rubric: Rubric) -> dict[str, Any]:
    levels = {
        d.name: d.levels[label.levels[d.name]].name if label is not None else ""
        for d in rubric.dimensions
    }
    return {
        "item": item.item,
        "sample": item.sample_id,
        "question": item.question,
        "reference": item.reference,
        "reply": item.reply,
        **levels,
        "note": label.note if label else "",
        "correction": label.correction if label else "",
    }


def _label(
    row: Mapping[str, Any],
    items: Mapping[str, Item],
    rubric: Rubric,
    rater: str | None,
    now: str,
) -> Label | None:
    given = {d.name: _cell(row, d.name) for d in rubric.dimensions}
    if not any(given.values()):
        return None
    item = items.get(_cell(row, "item"))
    if item is None:
        shown = _cell(row, "sample") or _cell(row, "item")[:12] or "a row without item"
        raise ConfigError(f"no reply in the run is the labelled one ({shown})")
    levels = {d.name: _level(d, given[d.name]) for d in rubric.dimensions}
    who = _cell(row, "rater") or rater
    if not who:
        raise ConfigError("whose label is it? give --rater NAME, or a column `rater`")
    return Label(
        item=item.item,
        scale=rubric.scale,
        rater=who,
        sample_key=item.sample_key,
        created_at=_cell(row, "created_at") or now,
        levels=levels,
        note=_cell(row, "note"),
        correction=_cell(row, "correction"),
    )


def _level(dimension: Dimension, text: str) -> int:
    names = [level.name for level in dimension.levels]
    if text in names:
        return names.index(text)
    if text.isdecimal() and int(text) < len(names):
        return int(text)
    what = f"{text!r} is no level" if text else "has no level, the others have"
    raise ConfigError(f"{dimension.name}: {what}; one of {_menu(names)}")


def _menu(names: Iterable[str]) -> str:
    return ", ".join(f"{n} {name}" for n, name in enumerate(names))


def _cell(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value).strip()
