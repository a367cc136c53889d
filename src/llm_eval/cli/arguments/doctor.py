"""Arguments of `llm-eval doctor`."""

import argparse

from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `doctor`."""
    options.add_db(parser)
    options.add_json(parser)
