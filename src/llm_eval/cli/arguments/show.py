"""Arguments of `llm-eval show`."""

import argparse

from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `show`."""
    add = parser.add_argument
    add("run", metavar="RUN", help="run id, a unique beginning of one, `latest`, or a tag K=V")
    add("--slice", metavar="S", help="only samples of this slice, or NAME=VALUE of a group")
    add("--failures", action="store_true", help="only samples that did not get the best score")
    add("--sample", metavar="ID", help="one sample, by its id or key")
    add("--limit", type=options.positive, default=20, metavar="N", help="at most N samples (20)")
    options.add_db(parser)
    options.add_json(parser)
