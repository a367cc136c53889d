"""`llm-eval cache`: how much the response cache holds, and making it smaller."""

import argparse
from collections.abc import Mapping
from typing import Any

from llm_eval.cli.database import open_storage
from llm_eval.cli.terminal import output, write_json
from llm_eval.errors import ConfigError


def execute(args: argparse.Namespace) -> int:
    """Show or prune."""
    if args.action == "prune":
        _check_limits(args)
    with open_storage(args, existing=True) as storage:
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


def _check_limits(args: argparse.Namespace) -> None:
    """What was paid for goes only where somebody says how much of it, or all."""
    limited = args.older_than is not None or args.max_size is not None
    if args.all == limited:
        which = "both --all and a limit" if limited else "no limit"
        raise ConfigError(
            f"cache prune has {which}: give --older-than AGE or --max-size SIZE, or --all to "
            f"delete every reply"
        )
