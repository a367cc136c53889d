"""A data set is fit when every row can be answered, and a wrong answer is told from a right one."""

import json
from pathlib import Path
from typing import Any

import pytest

from llm_eval.data_check import Finding, check
from llm_eval.tasks.yaml_task import YAMLTask

TASK = """\
name: capitals
data: rows.{suffix}
messages: [{{role: user, content: "{{{{ q }}}}"}}]
target_field: a
scorers: [{scorer}]
"""


def task(folder: Path, suffix: str, rows: str, scorer: str = "exact_match") -> YAMLTask:
    (folder / f"rows.{suffix}").write_text(rows)
    (folder / "t.yaml").write_text(TASK.format(suffix=suffix, scorer=scorer))
    return YAMLTask(folder / "t.yaml")


def test_rows_that_can_be_answered_are_fit(tmp_path: Path) -> None:
    report = check(task(tmp_path, "csv", "q,a\nCapital of France?,Paris\nOf Italy?,Rome\n"))
    assert (report.n_rows, report.findings) == ({"test": 2}, [])


def test_a_cell_that_nobody_filled_in_is_found(tmp_path: Path) -> None:
    report = check(task(tmp_path, "csv", "q,a\nCapital of France?,Paris\nOf Italy?,\n"))
    assert report.findings == [Finding("target", "3", "the row has no expected answer")]


@pytest.mark.parametrize("target", [None, "", []])
def test_a_row_without_a_target_is_found(target: Any, tmp_path: Path) -> None:
    rows = json.dumps({"q": "Of Italy?", "a": target})
    (finding,) = check(task(tmp_path, "jsonl", rows)).findings
    assert (finding.check, finding.where) == ("target", "1")


def test_a_scorer_that_takes_every_answer_is_found(tmp_path: Path) -> None:
    made = task(tmp_path, "csv", "q,a\nOf Italy?,Rome\n", '{name: regex, pattern: "."}')
    (finding,) = check(made).findings
    assert (finding.check, finding.message) == ("corrupted", "a wrong answer scores 1.0 on regex")
