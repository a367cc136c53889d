"""`llm-eval cache`: how much the response cache holds, and making it smaller."""

import argparse
from collections.abc import Mapping
from typing import Any

from llm_eval.cli.database import open_storage
from llm_eval.cli.terminal import output, write_json


def execute(args: argparse.Namespace) -> int:
    """Show or prune."""
    with open_storage(args) as storage:
        cache = storage.cache()
        answer: Mapping[str, Any] = (
            {"deleted": cache.prune(older_than_s=args.older_than, max_bytes=args.max_size)}
            if args.action == "prune"
            else cache.stats()
        )
    if args.json:
        write_json(answer)
    else:
        for name, value in answer.items():
            output().print(f"{name:10} {value}")
    return 0
