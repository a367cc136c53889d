"""Where the splits of the tasks that come with the package lie."""

import os
from pathlib import Path

from llm_eval.errors import DatasetError

_HERE = Path(__file__).resolve()


def split_file(task: str, split: str) -> Path:
    """`data/tasks/TASK/SPLIT.jsonl` under $LLM_EVAL_DATA, the working directory, or the sources.

    Raises:
        DatasetError: it is in none of them; names where it was looked for.
    """
    roots = [Path.cwd() / "data", _HERE.parents[3] / "data", _HERE.parents[1] / "data"]
    if given := os.environ.get("LLM_EVAL_DATA"):
        roots.insert(0, Path(given))
    for root in roots:
        path = root / "tasks" / task / f"{split}.jsonl"
        if path.exists():
            return path
    looked = ", ".join(str(root / "tasks" / task) for root in roots)
    raise DatasetError(f"no {split}.jsonl of task {task!r}; looked in {looked}; set LLM_EVAL_DATA")
