"""The tables. One schema for SQLite and Postgres; all structured values are JSON text.

runs ─< responses   what the model said, durable before anything is made of it
     ─< results     what became of it: status, answer, scores, and their values packed
     ─< tags
samples             content, stored once for all runs
baselines           which run was promoted under which name, by whom and when
labels              what people said of a reply, stored under its content
calibrations        how far a judge agrees with people, by its recipe and who labelled
adapters            what each training made, and from what
cache               replies by request key

Small columns come first: sums over a run never read its texts. What a later release added stands
last, as an upgrade leaves it: a 0 or 1 costs nothing there, for SQLite keeps it in the row's head.
"""

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

VERSION = "0.3.0"
"""Newest revision in `migrations/versions`; written into every database."""

metadata = MetaData()

version = Table("alembic_version", metadata, Column("version_num", Text, primary_key=True))

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Text, nullable=False, unique=True),
    Column("task", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("n_total", Integer, nullable=False),
    Column("recipe", Text, nullable=False),
    Column("summary", Text),
)

tags = Table(
    "tags",
    metadata,
    Column("run", ForeignKey("runs.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Index("tags_by_value", "name", "value"),
)

samples = Table(
    "samples",
    metadata,
    Column("key", Text, primary_key=True),
    Column("body", Text, nullable=False),
)

responses = Table(
    "responses",
    metadata,
    Column("run", ForeignKey("runs.id"), primary_key=True),
    Column("sample_index", Integer, primary_key=True),
    Column("epoch", SmallInteger, primary_key=True),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("cost_usd", Float),
    Column("latency_s", Float, nullable=False),
    Column("cached", SmallInteger, nullable=False),
    Column("request_key", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("response", Text, nullable=False),
    Column("cut_off", SmallInteger, nullable=False, server_default=text("0")),
)

results = Table(
    "results",
    metadata,
    Column("run", ForeignKey("runs.id"), primary_key=True),
    Column("sample_index", Integer, primary_key=True),
    Column("epoch", SmallInteger, primary_key=True),
    Column("status", Text, nullable=False),
    Column("perfect", SmallInteger, nullable=False),
    Column("metric_values", LargeBinary),
    Column("sample_key", Text, nullable=False),
    Column("sample_id", Text, nullable=False),
    Column("slice", Text),
    Column("cluster", Text),
    Column("groups", Text, nullable=False),
    Column("parse_error", Text),
    Column("failure", Text),
    Column("answer", Text, nullable=False),
    Column("scores", Text, nullable=False),
)

imperfect = results.c.perfect == text("0")
"""A literal, not a parameter: only then does SQLite use the partial index."""

results_imperfect = Index(
    "results_imperfect",
    results.c.run,
    results.c.sample_index,
    results.c.epoch,
    sqlite_where=imperfect,  # Postgres is told when it makes its tables: here its dialect loads
)

baselines = Table(
    "baselines",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("run", ForeignKey("runs.id"), nullable=False),
    Column("promoted_at", Text, nullable=False),
    Column("promoted_by", Text, nullable=False),
    Column("note", Text, nullable=False),
    Index("baselines_by_name", "name", "id"),
    Index("baselines_by_run", "run"),
)

labels = Table(
    "labels",
    metadata,
    Column("item", Text, primary_key=True),
    Column("scale", Text, primary_key=True),
    Column("rater", Text, primary_key=True),
    Column("sample_key", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("drawn", Text, nullable=False),
    Column("levels", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("correction", Text, nullable=False),
)

calibrations = Table(
    "calibrations",
    metadata,
    Column("judge", Text, primary_key=True),
    Column("raters", Text, primary_key=True),
    Column("created_at", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("report", Text, nullable=False),
)

adapters = Table(
    "adapters",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("base", Text, nullable=False),
    Column("training", Text, nullable=False),
    Index("adapters_by_name", "name"),
)

cache = Table(
    "cache",
    metadata,
    Column("key", Text, primary_key=True),
    Column("created_at", Float, nullable=False),
    Column("response", Text, nullable=False),
    Index("cache_by_age", "created_at"),
)
