"""Arguments of `llm-eval loop`."""

import argparse

from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `loop`."""
    add = parser.add_argument
    add("config", metavar="FILE", help="configs/loops/NAME.yaml")
    add("--dry-run", action="store_true", help="check everything and print the plan; spend nothing")
    options.add_db(parser)
    options.add_json(parser)
