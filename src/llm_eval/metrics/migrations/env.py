"""Alembic's entry: runs the steps on the connection that `upgrade` opened."""

from alembic import context

from llm_eval.metrics.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
