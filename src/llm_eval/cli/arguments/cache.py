"""Arguments of `llm-eval cache`."""

import argparse

from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `cache`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    stats = actions.add_parser("stats", help="rows, bytes, oldest and newest reply")
    prune = actions.add_parser("prune", help="delete replies that are too old or too much, or all")
    prune.add_argument(
        "--older-than",
        type=options.duration,
        metavar="AGE",
        help="those older than 90s, 15m, 2h or 7d",
    )
    prune.add_argument(
        "--max-size", type=options.size, metavar="SIZE", help="the oldest beyond 500M or 2G"
    )
    prune.add_argument("--all", action="store_true", help="every reply")
    for parser_of_action in (stats, prune):
        options.add_db(parser_of_action)
        options.add_json(parser_of_action)
