"""Arguments of `llm-eval tasks`."""

import argparse

from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `tasks`."""
    options.add_json(parser)
