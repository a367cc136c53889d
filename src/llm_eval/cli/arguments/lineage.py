"""Arguments of `llm-eval lineage`."""

import argparse

from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `lineage`."""
    parser.add_argument(
        "ref", metavar="ADAPTER|RUN", help="an adapter's directory, digest or name, or a run of one"
    )
    options.add_db(parser)
    options.add_json(parser)
