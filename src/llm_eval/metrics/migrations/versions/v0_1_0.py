"""Release 0.1.0: the first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0.1.0"
down_revision = None


def upgrade() -> None:
    _create_runs()
    _create_responses()
    _create_results()
    op.create_table(
        "samples",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    _create_labels()
    op.create_table(
        "cache",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("response", sa.Text, nullable=False),
    )
    op.create_index("cache_by_age", "cache", ["created_at"])
    _create_baselines()


def _create_labels() -> None:
    op.create_table(
        "labels",
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("scale", sa.Text, primary_key=True),
        sa.Column("rater", sa.Text, primary_key=True),
        sa.Column("sample_key", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("drawn", sa.Text, nullable=False),
        sa.Column("levels", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("correction", sa.Text, nullable=False),
    )
    op.create_table(
        "calibrations",
        sa.Column("judge", sa.Text, primary_key=True),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False, unique=True),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("finished_at", sa.Text),
        sa.Column("n_total", sa.Integer, nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
        sa.Column("summary", sa.Text),
    )
    op.create_table(
        "tags",
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index("tags_by_value", "tags", ["name", "value"])


def _create_responses() -> None:
    op.create_table(
        "responses",
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("sample_index", sa.Integer, primary_key=True),
        sa.Column("epoch", sa.SmallInteger, primary_key=True),
        sa.Column("prompt_tokens", sa.Integer, nullable=False),
        sa.Column("completion_tokens", sa.Integer, nullable=False),
        sa.Column("cost_usd", sa.Float),
        sa.Column("latency_s", sa.Float, nullable=False),
        sa.Column("cached", sa.SmallInteger, nullable=False),
        sa.Column("request_key", sa.Text, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("response", sa.Text, nullable=False),
    )


def _create_results() -> None:
    op.create_table(
        "results",
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("sample_index", sa.Integer, primary_key=True),
        sa.Column("epoch", sa.SmallInteger, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("perfect", sa.SmallInteger, nullable=False),
        sa.Column("metric_values", sa.LargeBinary),
        sa.Column("sample_key", sa.Text, nullable=False),
        sa.Column("sample_id", sa.Text, nullable=False),
        sa.Column("slice", sa.Text),
        sa.Column("cluster", sa.Text),
        sa.Column("groups", sa.Text, nullable=False),
        sa.Column("parse_error", sa.Text),
        sa.Column("failure", sa.Text),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("scores", sa.Text, nullable=False),
    )
    op.create_index(
        "results_imperfect",
        "results",
        ["run", "sample_index", "epoch"],
        sqlite_where=sa.text("perfect = 0"),
        postgresql_where=sa.text("perfect = 0"),
    )


def _create_baselines() -> None:
    op.create_table(
        "baselines",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("promoted_at", sa.Text, nullable=False),
        sa.Column("promoted_by", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_index("baselines_by_name", "baselines", ["name", "id"])
    op.create_index("baselines_by_run", "baselines", ["run"])
