"""`llm-eval cache`: how much the response cache holds, and making it smaller."""

import argparse
from collections.abc import Mapping
from typing import Any

from llm_eval.cli import options
from llm_eval.cli.terminal import output, write_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `cache`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    stats = actions.add_parser("stats", help="rows, bytes, oldest and newest reply")
    prune = actions.add_parser("prune", help="delete replies: all, or what is too old or too much")
    prune.add_argument(
        "--older-than",
        type=options.duration,
        metavar="AGE",
        help="those older than 90s, 15m, 2h or 7d",
    )
    prune.add_argument(
        "--max-size", type=options.size, metavar="SIZE", help="the oldest beyond 500M or 2G"
    )
    for parser_of_action in (stats, prune):
        options.add_db(parser_of_action)
        options.add_json(parser_of_action)


def execute(args: argparse.Namespace) -> int:
    """Show or prune."""
    with options.open_storage(args) as storage:
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
