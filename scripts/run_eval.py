"""Evaluate a model: `python3 scripts/run_eval.py --task json --model gpt-4o-mini [--limit 5]`.

Everything else that `llm-eval run` takes can follow.
"""

import argparse
import sys

import _bootstrap  # noqa: F401 - finds the interpreter that has llm_eval

from llm_eval.cli.main import main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Evaluate a model on a task.", add_help=False)
    parser.add_argument("--task", action="append", default=[])
    args, rest = parser.parse_known_args()
    sys.exit(main(["run", *args.task, *rest]))
