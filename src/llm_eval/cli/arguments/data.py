"""Arguments of `llm-eval data`."""

import argparse
from pathlib import Path

from llm_eval.cli.arguments import options
from llm_eval.datasets.contamination import THRESHOLD, N


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `data`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    validate = actions.add_parser("validate", help="check every row, without a model")
    validate.add_argument("tasks", nargs="*", metavar="TASK", help="default: json qa")
    options.add_json(validate)
    generate = actions.add_parser("generate", help="rebuild the files byte for byte")
    generate.add_argument("tasks", nargs="*", metavar="TASK", help="default: json qa")
    generate.add_argument(
        "--out", type=Path, default=Path("data/tasks"), metavar="DIR", help="default: data/tasks"
    )
    contamination = actions.add_parser(
        "check-contamination", help="does a file give away a task's test rows?"
    )
    add = contamination.add_argument
    add("task", metavar="TASK", help="json, qa, or the path of a task YAML")
    add("--against", required=True, type=Path, metavar="FILE", help="what a model may have seen")
    add("--split", default="test", help="the split that must be unseen (default: test)")
    add("--n", type=options.positive, default=N, metavar="N", help=f"words of a gram ({N})")
    add("--threshold", type=float, default=THRESHOLD, metavar="P", help=f"({THRESHOLD})")
    options.add_json(contamination)
