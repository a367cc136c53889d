"""Arguments of `llm-eval rescore`."""

import argparse

from llm_eval.cli.arguments import options, watch


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `rescore`."""
    add = parser.add_argument
    add(
        "run",
        nargs="?",
        metavar="RUN",
        help="run id, a unique beginning of one, `latest`, or a tag K=V",
    )
    add("--judge-model", metavar="SPEC", help="grade every reply; several with commas: a panel")
    options.add_judge(parser)
    add("--scorers", metavar="NAMES", default="", help="instead of the task's own, with commas")
    add("--concurrency", type=options.positive, default=64, metavar="C", help="calls at once (64)")
    add("--max-cost", type=options.not_negative, metavar="USD", help="stop before spending more")
    add("--no-cache", action="store_true", help="ask the judge even where its reply is known")
    add("--tag", type=options.tag, action="append", default=[], metavar="K=V", help="label the run")
    add("--resume", metavar="RUN", help="go on with an interrupted rescoring; takes no other RUN")
    watch.configure(parser)
    options.add_db(parser)
    options.add_json(parser)
