"""Arguments of `llm-eval models`."""

import argparse

from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `models`."""
    options.add_json(parser)
