"""Write the Q&A data set: `python3 scripts/generate_qa_dataset.py [--out data/tasks/qa]`."""

import argparse
from pathlib import Path

import _bootstrap  # noqa: F401 - finds the interpreter that has llm_eval

from llm_eval.datasets.generate.qa import write

DATA = Path(__file__).resolve().parent.parent / "data"

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the Q&A data set.")
    parser.add_argument("--out", type=Path, default=DATA / "tasks" / "qa", metavar="DIR")
    parser.add_argument("--facts", type=Path, default=DATA / "facts", metavar="DIR")
    args = parser.parse_args()
    write(args.facts, args.out)
    print(f"wrote train, val and test.jsonl and SHA256SUMS to {args.out}")
