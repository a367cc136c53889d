"""Saving what can be read of a damaged SQLite file: every row, into a new database in good order.

>>> rescue(Path("runs.db"), Path("saved.db")).tables[0]
Saved(table="runs", rows=12, lost=1, at_least=False)

Tables are read page by page without SQLite, which refuses what is behind a damaged page. Leaves
whose tree is lost are told by the columns of their rows. A row is kept if what reads it can. Then
runs that lack something are marked, so that `--resume` gets it: replies that were saved are scored
without a call, and those of lost runs are put into the cache, where the same run finds them.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, text

from llm_eval.errors import ConfigError, EvalError
from llm_eval.metrics import codec, schema
from llm_eval.metrics.engine import database_url, open_engine
from llm_eval.metrics.page_file import PageFile
from llm_eval.metrics.page_tree import LOST, Row, Tree, Value, free_pages, is_table_leaf, rows, tree
from llm_eval.metrics.transactions import reading, writing
from llm_eval.metrics.upgrade import RELEASES, ensure_schema, newer_release, upgrade

_BATCH = 1000
_CAN_BE_DROPPED = ("summary", "finished_at")
"""Columns of a run that are made anew when it is gone on with."""


def _object(text: str) -> object:
    return dict(codec.from_json(text))


def _pair(text: str) -> object:
    inputs, target = codec.from_json(text)
    return inputs, target


_READERS: Mapping[str, Callable[[str], object]] = {
    "recipe": _object,
    "summary": _object,
    "body": _pair,
    "response": codec.response,
    "prompt": codec.prompt,
    "sample_id": codec.unescape,
    "slice": codec.unescape,
    "cluster": codec.unescape,
    "parse_error": codec.unescape,
    "groups": _object,
    "failure": codec.failure,
    "answer": codec.from_json,
    "scores": lambda text: codec.scores(codec.from_json(text)),
    "rater": codec.unescape,
    "levels": _object,
    "note": codec.unescape,
    "correction": codec.unescape,
    "report": _object,
    "promoted_by": codec.unescape,
    "name": codec.unescape,
    "base": codec.from_json,
    "training": _object,
}
"""What reads a column's text later; what it refuses was damaged within."""
_ADDED: Mapping[str, Callable[[Mapping[str, Value]], Value]] = {
    "cut_off": lambda row: int(codec.response(str(row["response"])).cut_off),
}
"""Columns that were added to a table, and not to its rows: what stands in one that lacks them."""


class Saved(NamedTuple):
    """What was saved of a table, and what is known to be lost."""

    table: str
    rows: int
    lost: int | None
    """By its tree or its indexes; None where nothing leads to them."""
    at_least: bool
    """All of them are damaged: there may have been more."""


class Unfinished(NamedTuple):
    """A run that lacks results or its numbers now."""

    run_id: str
    n_done: int
    n_total: int
    command: str
    """What goes on with it: `run`, or `rescore` where it scores another's replies."""


@dataclass(frozen=True, slots=True)
class Rescue:
    """What became of a damaged file."""

    tables: Sequence[Saved]
    unfinished: Sequence[Unfinished]
    """Runs that had numbers which are no longer theirs."""
    n_cached: int
    """Replies of lost runs, which are in the cache now."""

    @property
    def loses(self) -> bool:
        """Whether anything is known to be lost, or cannot be known."""
        return bool(self.unfinished) or any(
            saved.lost != 0 or saved.at_least for saved in self.tables
        )


def rescue(source: Path, target: Path) -> Rescue:
    """Copy every row of `source` that can be read to the new file `target`; `source` is only read.

    Raises:
        ConfigError: `target` is there already, `source` is not, or it holds no rows of a run
            database, or those of a newer release.
        StoreError: `target` cannot be written; it is not there then.
    """
    _refuse_to_overwrite(target)
    if not source.is_file():
        raise ConfigError(f"there is no file {source}")
    with (
        PageFile(source) as file,
        tempfile.TemporaryDirectory(prefix=".rescue-", dir=target.parent) as directory,
    ):
        whole = Path(directory) / target.name
        found = _copy(file, source, whole)
        _refuse_to_overwrite(target)
        whole.rename(target)
    return found


def _refuse_to_overwrite(target: Path) -> None:
    if target.exists():
        raise ConfigError(f"{target} is there already, and nothing is overwritten: name a new file")


def _copy(file: PageFile, source: Path, target: Path) -> Rescue:
    engine = open_engine(database_url(f"sqlite:///{target}"))
    try:
        damaged = _Damaged(file)
        _make_tables(engine, damaged.release(), source)
        copying = _Copying(engine, damaged)
        if not copying.copy_all():
            raise ConfigError(f"{source} holds no rows of a run database that could be read")
        writing(engine, _drop_halves)
        unfinished = writing(engine, _mark_unfinished)
        ensure_schema(engine)
        return Rescue(copying.counts(), unfinished, copying.n_cached)
    finally:
        engine.dispose()


class _Damaged:
    """The trees of the damaged file."""

    def __init__(self, file: PageFile) -> None:
        self.file = file
        seen: set[int] = set()
        self.trees: dict[str, Tree] = {}
        self.indexes: dict[str, list[Tree]] = {}
        """By the name of the table; without those of some rows only."""
        master = tree(file, 1, seen)
        self.names_all_trees = master.n_cells > 0 and not master.n_broken
        entries = [values for leaf in master.leaves for _, values in rows(file, leaf)]
        for kind, name, table, root, sql in (entry for entry in entries if len(entry) == 5):
            if not isinstance(root, int) or not isinstance(table, str):
                continue
            if kind == "table":
                self.trees[str(name)] = tree(file, root, seen)
            elif kind == "index" and " WHERE " not in str(sql).upper():
                self.indexes.setdefault(table, []).append(tree(file, root, seen))
        seen |= free_pages(file)
        self.orphans = [
            number
            for number in range(2, file.n_pages + 1)
            if number not in seen and is_table_leaf(file, number)
        ]
        """Leaves that no tree leads to."""

    def trees_of(self, table: str) -> list[Tree]:
        """That of the table and those of its indexes, each with a cell for every row."""
        own = self.trees.get(table)
        return [*([] if own is None else [own]), *self.indexes.get(table, ())]

    def release(self) -> str | None:
        """What is written of the schema's release, if it can be read."""
        found = self.trees.get(schema.version.name, Tree())
        said = [values for leaf in found.leaves for _, values in rows(self.file, leaf)]
        return next((str(v[0]) for v in said if len(v) == 1 and isinstance(v[0], str)), None)


def _make_tables(engine: Engine, release: str | None, source: Path) -> None:
    """Those of the file's release, so that its columns are theirs; they are upgraded afterwards."""
    if release is None or release == schema.VERSION:
        ensure_schema(engine)
    elif release in RELEASES:
        upgrade(engine, release=release)
    else:
        raise newer_release(str(source), release)


class _Column(NamedTuple):
    name: str
    kind: str
    required: bool
    is_row_id: bool


@dataclass(slots=True)
class _Copying:
    """Copies table by table, runs before what belongs to them."""

    engine: Engine
    damaged: _Damaged
    n_cached: int = 0
    _columns: dict[str, list[_Column]] = field(default_factory=dict)
    _runs: set[object] = field(default_factory=set)

    def copy_all(self) -> bool:
        """Whether there was anything."""
        with reading(self.engine) as connection:
            self._columns = {
                str(table.name): columns
                for table in schema.metadata.sorted_tables
                if table is not schema.version
                and (columns := list(_columns(connection, table.name)))
            }
        orphans = self._told_apart()
        for table in self._columns:
            known = self.damaged.trees.get(table, Tree()).leaves
            sound = self._sound(table, [*known, *orphans[table]])
            while batch := list(islice(sound, _BATCH)):
                self._insert(table, batch)
            if table == schema.runs.name:
                self._runs = {key for (key,) in self._all("SELECT id FROM runs")}
        return any(n for (n,) in self._all("SELECT count(*) FROM runs")) or self.n_cached > 0

    def counts(self) -> list[Saved]:
        """Of each table, beside what its tree and its indexes know."""
        return [self._count(table) for table in self._columns]

    def _count(self, table: str) -> Saved:
        ((n_rows,),) = self._all(f"SELECT count(*) FROM {table}")  # noqa: S608 - our own names
        trees = self.damaged.trees_of(table)
        if not trees:
            return Saved(table, n_rows, 0 if self.damaged.names_all_trees else None, False)
        lost = max(0, max(each.n_cells for each in trees) - n_rows)
        return Saved(table, n_rows, lost, all(each.n_broken for each in trees))

    def _all(self, query: str) -> Sequence[Any]:
        with reading(self.engine) as connection:
            return connection.exec_driver_sql(query).all()

    def _told_apart(self) -> dict[str, list[int]]:
        """Orphans by the table whose columns their first sound row has."""
        file, found = self.damaged.file, {name: list[int]() for name in self._columns}
        for number in self.damaged.orphans:
            fitting = (
                name
                for row in rows(file, number)
                for name, columns in self._columns.items()
                if _fitted(row, columns) is not None
            )
            if (name := next(fitting, None)) is not None:
                found[name].append(number)
        return found

    def _sound(self, table: str, leaves: Sequence[int]) -> Iterator[Sequence[Value]]:
        columns = self._columns[table]
        for leaf in leaves:
            for row in rows(self.damaged.file, leaf):
                values = _fitted(row, columns)
                if values is not None and (sound := _readable(values, columns)) is not None:
                    yield sound

    def _insert(self, table: str, batch: Sequence[Sequence[Value]]) -> None:
        """Add rows; of a key that stands twice the first is the one that a tree leads to."""
        names = [column.name for column in self._columns[table]]
        if "run" in names:
            at = names.index("run")
            lost = [row for row in batch if row[at] not in self._runs]
            batch = [row for row in batch if row[at] in self._runs]
            if table == schema.responses.name:
                self._keep_in_cache([dict(zip(names, row, strict=True)) for row in lost])
        _insert_new(self.engine, table, names, batch)

    def _keep_in_cache(self, replies: Sequence[Mapping[str, Any]]) -> None:
        """Replies whose run is lost were paid for; the same run, started anew, finds them here."""
        now = time.time()
        kept = [(r["request_key"], now, r["response"]) for r in replies if r["request_key"]]
        self.n_cached += _insert_new(self.engine, "cache", ("key", "created_at", "response"), kept)


def _insert_new(
    engine: Engine, table: str, names: Sequence[str], batch: Sequence[Sequence[Value]]
) -> int:
    """How many were not there yet."""
    if not batch:
        return 0
    places = ", ".join("?" * len(names))
    columns = ", ".join(f'"{name}"' for name in names)
    statement = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({places})"  # noqa: S608
    return writing(
        engine, lambda c: c.exec_driver_sql(statement, [tuple(row) for row in batch]).rowcount
    )


def _columns(connection: Connection, table: str) -> Iterator[_Column]:
    found = connection.exec_driver_sql(f"PRAGMA table_info({table})").all()
    keys = sum(bool(key) for *_, key in found)
    for _, name, kind, required, _, key in found:
        is_row_id = bool(key) and keys == 1 and kind == "INTEGER"
        yield _Column(name, kind, bool(required), is_row_id)


def _fitted(row: Row, columns: Sequence[_Column]) -> list[Value] | None:
    """The row's values, if they are of these columns and whole; without those it never had."""
    row_id, values = row
    missing = columns[len(values) :]
    if len(values) > len(columns) or any(column.name not in _ADDED for column in missing):
        return None
    fitted = []
    for value, column in zip(values, columns, strict=False):
        known: Value = row_id if column.is_row_id and value is None else value
        if known is LOST and column.name in _CAN_BE_DROPPED:
            known = None
        if (known is None and column.required) or not isinstance(known, _types(column.kind)):
            return None
        fitted.append(known)
    return fitted


def _types(kind: str) -> tuple[type, ...]:
    """As SQLite stores a column of this type: a float that is whole as an integer."""
    if "INT" in kind:
        return (int, type(None))
    if "FLOA" in kind:
        return (int, float, type(None))
    return (bytes, type(None)) if "BLOB" in kind else (str, type(None))


def _readable(values: list[Value], columns: Sequence[_Column]) -> list[Value] | None:
    """The row with all its columns, if what reads it later can."""
    for at, (value, column) in enumerate(zip(values, columns, strict=False)):
        read = _READERS.get(column.name)
        if read is None or not isinstance(value, str):
            continue
        try:
            read(value)
        except (EvalError, ValueError, TypeError, KeyError):
            if column.name not in _CAN_BE_DROPPED:
                return None
            values[at] = None
    named = {column.name: value for column, value in zip(columns, values, strict=False)}
    return values + [_ADDED[column.name](named) for column in columns[len(values) :]]


def _drop_halves(connection: Connection) -> None:
    """Results whose sample or reply is lost: resuming makes them again."""
    connection.execute(
        text(
            "DELETE FROM results WHERE NOT EXISTS "
            "(SELECT 1 FROM samples WHERE samples.key = results.sample_key)"
        )
    )
    connection.execute(
        text(
            "DELETE FROM results WHERE status <> 'failed' AND NOT EXISTS "
            "(SELECT 1 FROM responses WHERE responses.run = results.run "
            "AND responses.sample_index = results.sample_index "
            "AND responses.epoch = results.epoch)"
        )
    )


def _mark_unfinished(connection: Connection) -> list[Unfinished]:
    """Runs whose numbers are no longer those of their rows become incomplete, without numbers."""
    found = connection.exec_driver_sql(
        "SELECT id, run_id, status, n_total, recipe, summary, "
        "(SELECT count(*) FROM results WHERE run = runs.id) FROM runs ORDER BY id"
    ).all()
    unfinished = []
    for key, run_id, status, n_total, recipe, summary, n_done in found:
        numbers = codec.from_json(summary)
        if status == "running" or (numbers and _n_results(numbers) == n_done):
            continue
        statement = "UPDATE runs SET summary = NULL, status = ? WHERE id = ?"
        now = "incomplete" if status == "complete" else status
        connection.exec_driver_sql(statement, (now, key))
        command = "rescore" if "rescoring" in codec.from_json(recipe) else "run"
        unfinished.append(Unfinished(run_id, n_done, n_total, command))
    return unfinished


def _n_results(numbers: Mapping[str, Any]) -> int:
    return sum(int(numbers.get(name, 0)) for name in ("n_scored", "n_failed", "n_unscored"))
