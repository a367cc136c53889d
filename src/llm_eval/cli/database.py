"""The run database that `--db` names."""

import argparse

from llm_eval.metrics.engine import require_database
from llm_eval.metrics.storage import MetricsStorage


def open_storage(args: argparse.Namespace, *, existing: bool = False) -> MetricsStorage:
    """The database that `--db` names; `existing`: it must be there, as for whoever only reads."""
    if existing:
        require_database(args.db)
    return MetricsStorage(args.db)
