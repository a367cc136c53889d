"""Arguments of `llm-eval train`."""

import argparse

from llm_eval.cli.arguments import options

DEFAULT_RECIPE = "configs/train/llama32_3b_json.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `train`."""
    add = parser.add_argument
    add("recipe", nargs="?", default=DEFAULT_RECIPE, metavar="RECIPE",
        help=f"the training's YAML (default: {DEFAULT_RECIPE})")  # fmt: skip
    add("--base", metavar="PATH", help="checkpoint's directory, or an embedded model's name")
    add("--task", metavar="TASK", help="json, qa, or the path of a task YAML")
    add("--output", metavar="DIR", help="where the adapter goes")
    add("--limit", type=options.positive, metavar="N", help="learn from N rows")
    add("--max-steps", type=options.positive, metavar="N", help="stop after N steps")
    add("--epochs", type=float, metavar="E", help="how often each row is seen")
    add("--learning-rate", type=float, metavar="R", help="the highest rate")
    add("--seed", type=int, metavar="S", help="which rows, in which order")
    add("--restart", action="store_true",
        help="begin anew: throw away checkpoints, replace the adapter")  # fmt: skip
    add("--dry-run", action="store_true", help="check everything and print the plan")
    options.add_db(parser)
    options.add_json(parser)
