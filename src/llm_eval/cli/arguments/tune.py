"""Arguments of `llm-eval tune`."""

import argparse

from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `tune`."""
    parser.add_argument("config", metavar="FILE", help="configs/tune/NAME.yaml")
    options.add_db(parser)
    options.add_json(parser)
