"""Arguments of `llm-eval trend`."""

import argparse

from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `trend`."""
    add = parser.add_argument
    add("task", metavar="TASK", help="json, qa, or the path of a task YAML")
    add("--metric", metavar="M", help="name of the metric (default: the first)")
    add("--model", metavar="SPEC", help="only runs of this model")
    add("--tag", type=options.tag, metavar="K=V", help="only runs with this tag")
    add("--since", type=options.since, metavar="TIME", help="only runs since 2026-01-31, 2h or 7d")
    add("--slice", metavar="S", help="the metric within this slice")
    add("--limit", type=options.positive, default=30, metavar="N", help="newest N runs (30)")
    add(
        "--thresholds",
        metavar="FILE",
        help="also hold the gate against each run: with the baseline that FILE names, else with "
        "the run before it",
    )
    add("--svg", metavar="FILE", help="also draw it into this file")
    options.add_db(parser)
    options.add_json(parser)
