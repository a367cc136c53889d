"""Compare runs: `python3 scripts/compare_runs.py --baseline RUN --current RUN --output cmp.md`.

Everything else that `llm-eval compare` takes can follow, such as `--fail-on-regression`.
"""

import argparse
import sys

import _bootstrap  # noqa: F401 - finds the interpreter that has llm_eval

from llm_eval.cli.main import main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compare runs with a baseline.", add_help=False)
    parser.add_argument("--baseline")
    parser.add_argument("--current", action="append", default=[])
    args, rest = parser.parse_known_args()
    baseline = [] if args.baseline is None else [args.baseline]
    sys.exit(main(["compare", *baseline, *args.current, *rest]))
