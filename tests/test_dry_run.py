"""A dry run says what a run would stumble over, and spends nothing."""

import asyncio
from pathlib import Path

import pytest

from llm_eval.dry_run import Estimate, estimate
from llm_eval.errors import ScorerError
from llm_eval.evaluation import Request, prepare
from llm_eval.metrics.storage import MetricsStorage

ROWS = '{"q": "Write a poem.", "a": null}\n{"q": "Another one.", "a": null}\n'
TASK = """\
name: poems
data: rows.jsonl
messages: [{role: user, content: "{{ q }}"}]
target: "{{ a }}"
scorers: [SCORER]
"""


def dry_run(folder: Path, scorer: str) -> Estimate:
    (folder / "rows.jsonl").write_text(ROWS)
    (folder / "t.yaml").write_text(TASK.replace("SCORER", scorer))
    with MetricsStorage(f"sqlite:///{folder}/runs.db") as storage:
        request = Request(task=str(folder / "t.yaml"), model="openai/m@http://127.0.0.1:9/v1")
        return asyncio.run(estimate(prepare(request, storage), storage))


def test_a_scorer_without_targets_is_told_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(ScorerError, match="exact_match cannot be scored: sample '1' has no target"):
        dry_run(tmp_path, "exact_match")


def test_what_needs_no_target_can_be_estimated(tmp_path: Path) -> None:
    assert dry_run(tmp_path, '{name: regex, pattern: "(?s).*"}').n_calls == 2
