"""Compare runs: `python3 scripts/compare_runs.py --baseline RUN --current RUN --output cmp.md`.

Everything else that `llm-eval compare` takes can follow: `--fail-on-regression`, `--allow FIELD`, …
"""

import argparse
import sys

import _bootstrap  # noqa: F401 - finds the interpreter that has llm_eval

from llm_eval.cli.main import main

if __name__ == "__main__":
    more = "what else can be given: llm-eval compare --help"
    parser = argparse.ArgumentParser(description="compare runs: is the change worse?", epilog=more)
    add = parser.add_argument
    add("--baseline", required=True, metavar="RUN", help="what the change is measured against")
    add("--current", required=True, metavar="RUN", action="append", help="the change; repeatable")
    args, rest = parser.parse_known_args()
    sys.exit(main(["compare", args.baseline, *args.current, *rest]))
