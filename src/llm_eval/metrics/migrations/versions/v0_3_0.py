"""Release 0.3.0: replies know whether they were cut off; each rater's calibration of a judge."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0.3.0"
down_revision = "0.2.0"

_CUT_OFF = ("length", "content_filter", "refusal")


def upgrade() -> None:
    _mark_cut_off()
    _tell_raters_apart()


def _mark_cut_off() -> None:
    """A column with a default is added without writing a row; then only the cut ones are."""
    op.add_column(
        "responses",
        sa.Column("cut_off", sa.SmallInteger, nullable=False, server_default=sa.text("0")),
    )
    responses = sa.table("responses", sa.column("response"), sa.column("cut_off"))
    # Looked for in the stored JSON: within its texts every quotation mark is escaped.
    said = sa.or_(
        *(
            responses.c.response.contains(f'"finish_reason":{space}"{reason}"', autoescape=True)
            for reason in _CUT_OFF
            for space in ("", " ")
        )
    )
    op.execute(responses.update().where(said).values(cut_off=1))


def _tell_raters_apart() -> None:
    """A key cannot be changed in SQLite, so the table is made anew; it has a row a judge."""
    names = ("judge", "raters", "created_at", "run_id", "report")
    table = sa.table("calibrations", *map(sa.column, names))
    known = [name for name in names if name != "raters"]
    rows = op.get_bind().execute(sa.select(*(table.c[name] for name in known))).mappings().all()
    op.drop_table("calibrations")
    op.create_table(
        "calibrations",
        sa.Column("judge", sa.Text, primary_key=True),
        sa.Column("raters", sa.Text, primary_key=True),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
    )
    if rows:
        op.bulk_insert(table, [{**row, "raters": _raters(row["report"])} for row in rows])


def _raters(report: str) -> str:
    """Who labelled, from the report: their names in order, as a JSON list."""
    return json.dumps(sorted(json.loads(report).get("raters", ())))
