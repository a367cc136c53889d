"""Arguments of `llm-eval runs`."""

import argparse

from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `runs`."""
    add = parser.add_argument
    add("--task", metavar="TASK", help="only runs of this task")
    add("--model", metavar="SPEC", help="only runs of this model")
    add("--status", choices=["running", "complete", "incomplete", "interrupted"])
    add("--tag", type=options.tag, metavar="K=V", help="only runs with this tag")
    add("--limit", type=options.positive, default=20, metavar="N", help="at most N runs (20)")
    options.add_db(parser)
    options.add_json(parser)
