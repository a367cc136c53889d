"""Arguments of `llm-eval doctor`."""

import argparse

from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `doctor`."""
    parser.add_argument(
        "--rescue",
        metavar="NEW",
        help="save what can be read of a damaged SQLite database to the new file NEW",
    )
    options.add_db(parser)
    options.add_json(parser)
