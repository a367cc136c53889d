"""The run database that `--db` names."""

import argparse
import re
import shlex

from llm_eval.metrics.engine import require_database
from llm_eval.metrics.storage import MetricsStorage

_PASSWORD = re.compile(r"\w+(\+\w+)?://[^/@]*:[^/@]*@")


def open_storage(args: argparse.Namespace, *, existing: bool = False) -> MetricsStorage:
    """The database that `--db` names; `existing`: it must be there, as for whoever only reads."""
    if existing:
        require_database(args.db)
    return MetricsStorage(args.db)


def command(*words: object, db: str | None) -> str:
    """`llm-eval WORDS…` for the reader to type, as a shell takes it.

    Args:
        words: a name in a word may be anybody's: it is quoted.
        db: what this command was given with `--db`; None: the next one finds it by itself.
    """
    typed = shlex.join(["llm-eval", *map(str, words)])
    if db is None:
        return typed
    return f"{typed} --db {'URL' if _PASSWORD.match(db) else shlex.quote(db)}"
