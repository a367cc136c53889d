"""Inserting many rows: SQL compiled once per table and dialect, rows as plain tuples.

A dialect is taken from the connection, never imported: Postgres' takes 30 ms, and few need it.

Every insert can be repeated: a row whose key is already there is left alone. Two exceptions: a
failed result gives way to a later one, and the cache keeps the newest reply.
"""

from collections.abc import Sequence
from functools import cache as cached
from importlib import import_module
from typing import Any

from sqlalchemy import Connection, Table, literal_column

from llm_eval.metrics import schema

_PLACEHOLDERS = {"sqlite": "qmark", "postgresql": "format"}
"""By which a row may be a tuple."""


def insert_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert `rows`, whose values stand in the order of the table's columns.

    They go in sorted by their key: two processes that insert the same keys then wait for each
    other instead of locking each other out.
    """
    if rows:
        keys = len(table.primary_key)
        ordered = sorted(rows, key=lambda row: row[:keys])
        dialect: Any = type(connection.dialect)  # SQLAlchemy annotates no dialect's constructor
        connection.exec_driver_sql(_sql(table, dialect), ordered)


@cached
def _sql(table: Table, dialect: Any) -> str:
    insert: Any = import_module(f"sqlalchemy.dialects.{dialect.name}").insert(table)
    own = [column.name for column in table.primary_key]
    others = {c.name: insert.excluded[c.name] for c in table.columns if c.name not in own}
    if table is schema.results:
        failed = table.c.status == literal_column("'failed'")
        insert = insert.on_conflict_do_update(index_elements=own, set_=others, where=failed)
    elif table is schema.cache:
        insert = insert.on_conflict_do_update(index_elements=own, set_=others)
    else:
        insert = insert.on_conflict_do_nothing()
    return str(insert.compile(dialect=dialect(paramstyle=_PLACEHOLDERS[dialect.name])))
