"""Release 0.2.0: where adapters come from."""

import sqlalchemy as sa
from alembic import op

revision = "0.2.0"
down_revision = "0.1.0"


def upgrade() -> None:
    op.create_table(
        "adapters",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("training", sa.Text, nullable=False),
    )
    op.create_index("adapters_by_name", "adapters", ["name"])
