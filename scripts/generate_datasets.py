"""Write the generated data sets again: `python3 scripts/generate_datasets.py [--out DIR]`.

The committed files come from the seeds that the code names: the same bytes on every machine.
"""

import argparse
from pathlib import Path

import _bootstrap  # noqa: F401 - finds the interpreter that has llm_eval

from llm_eval.datasets.generate import json_extraction

_TASKS = Path(__file__).resolve().parent.parent / "data" / "tasks"

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the generated data sets.")
    parser.add_argument("--out", type=Path, default=_TASKS, help="directory of the tasks")
    directory = parser.parse_args().out / "json_extraction"
    json_extraction.write(directory)
    print(f"{directory}: {', '.join(sorted(path.name for path in directory.iterdir()))}")
