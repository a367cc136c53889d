"""Arguments of `llm-eval review`."""

import argparse
from pathlib import Path

from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `review`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    label = actions.add_parser("label", help="label in the terminal")
    export = actions.add_parser("export", help="write replies to label elsewhere")
    read = actions.add_parser("import", help="read labels back")
    for action in (label, export, read):
        action.add_argument("run", metavar="RUN", help="whose replies are labelled")
        action.add_argument("--rubric", metavar="RUBRIC", help="a preset or a YAML file")
        options.add_metric(action)
        options.add_db(action)
    for action in (label, export):
        action.add_argument("--seed", type=int, default=0, metavar="S", help="of the random order")
        action.add_argument("--limit", type=options.positive, metavar="N", help="at most N replies")
    label.add_argument("--rater", required=True, metavar="NAME", help="who labels")
    label.add_argument(
        "--next", type=options.positive, metavar="N", help="the N replies that help most"
    )
    export.add_argument("--rater", metavar="NAME", help="with this one's labels so far")
    export.add_argument("--output", required=True, type=Path, metavar="FILE", help=".csv or .jsonl")
    read.add_argument("file", type=Path, metavar="FILE", help=".csv or .jsonl")
    read.add_argument("--rater", metavar="NAME", help="whose labels, unless the rows say")
    read.add_argument(
        "--chosen", action="store_true", help="the replies were those of `judge calibrate --next`"
    )
    read.add_argument("--replace", action="store_true", help="overwrite earlier labels")
    options.add_json(read)
