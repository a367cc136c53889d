"""Where the splits of the tasks that come with the package lie."""

import os
from pathlib import Path

from llm_eval.errors import DatasetError

_HERE = Path(__file__).resolve()


def split_file(task: str, split: str) -> Path:
    """`data/tasks/TASK/SPLIT.jsonl`, from where `data_path` finds it.

    Raises:
        DatasetError: it is nowhere; names where it was looked for.
    """
    return data_path(f"tasks/{task}/{split}.jsonl")


def data_path(relative: str) -> Path:
    """A file or directory under `$LLM_EVAL_DATA`, ./data, or the data that come with the package.

    Raises:
        DatasetError: it is in none of them; names where it was looked for.
    """
    roots = [Path.cwd() / "data", _HERE.parents[3] / "data", _HERE.parents[1] / "data"]
    if given := os.environ.get("LLM_EVAL_DATA"):
        roots.insert(0, Path(given))
    for root in roots:
        if (root / relative).exists():
            return root / relative
    looked = ", ".join(map(str, roots))
    raise DatasetError(f"{relative} is not there; looked in {looked}; set LLM_EVAL_DATA")
