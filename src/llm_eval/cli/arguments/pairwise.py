"""Arguments of `llm-eval judge pairwise`."""

import argparse
from pathlib import Path

from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `judge pairwise`."""
    add = parser.add_argument
    run = "run id, a unique beginning of one, `latest`, or a tag K=V"
    add("runs", metavar="RUN", nargs="+", help=f"two or more: {run}")
    add("--judge-model", required=True, metavar="SPEC", help="who decides; with commas: a majority")
    add("--rubric", metavar="RUBRIC", help="what makes a reply better (default: the first run's)")
    add("--limit", type=options.positive, metavar="N", help="N samples, drawn by --seed")
    add("--seed", type=int, default=0, metavar="S", help="of the draw")
    add("--concurrency", type=options.positive, default=64, metavar="C", help="calls at once (64)")
    add("--max-cost", type=options.not_negative, metavar="USD", help="stop before spending more")
    add("--no-cache", action="store_true", help="ask the judge even where its reply is known")
    add("--output", type=Path, metavar="FILE", help="write every duel, a .jsonl with both replies")
    options.add_db(parser)
    options.add_json(parser)
