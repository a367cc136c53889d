"""The two tasks that come with the package, over rows of their own."""

import json
from pathlib import Path
from typing import Any

import pytest

from llm_eval.errors import DatasetError, ParseError
from llm_eval.recipe import scan
from llm_eval.scorers.base import Deterministic
from llm_eval.tasks.base import Task
from llm_eval.tasks.build import build_task
from llm_eval.types import Message, ModelResponse, Score

QA = {
    "id": "qa-1",
    "slice": "factual",
    "question": "What is the capital of Chile?",
    "context": None,
    "answers": ["Santiago", "Santiago de Chile"],
    "answer_type": "text",
    "evidence": [],
    "held_out": False,
}
JSON: dict[str, Any] = {
    "id": "json-1",
    "slice": "easy",
    "doc_type": "receipt",
    "held_out": True,
    "text": "CORNER {SHOP} {0}\nTotal 12.50",
    "schema": {"type": "object", "properties": {"total": {"type": "number"}}},
    "expected": {"total": 12.5},
}
ROWS: dict[str, tuple[str, dict[str, Any]]] = {"qa": ("qa", QA), "json": ("json_extraction", JSON)}


def with_rows(
    name: str, rows: list[dict[str, Any]], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Task:
    """The task over `rows` as its test split."""
    home = folder / "tasks" / ROWS[name][0]
    home.mkdir(parents=True)
    (home / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv("LLM_EVAL_DATA", str(folder))
    return build_task(name)


@pytest.mark.parametrize("name", ["qa", "json"])
def test_the_perfect_reply_scores_best_under_every_metric(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = with_rows(name, [ROWS[name][1]], tmp_path, monkeypatch)
    (sample,) = task.samples()
    answer = task.parse(sample, ModelResponse(task.completion(sample), "m"))
    for scorer in task.scorers:
        assert isinstance(scorer, Deterministic)
        for score in scorer.grade(sample, answer):
            assert isinstance(score, Score)
            assert score.value == 1.0
    assert scan(task, "test", None).n == 1


def test_a_question_is_asked_with_its_context_where_it_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = with_rows(
        "qa", [QA, QA | {"id": "2", "context": "Chile {is} long."}], tmp_path, monkeypatch
    )
    plain, with_context = task.samples()
    assert task.prompt(plain)[1] == Message(
        "user", "Question: What is the capital of Chile?\nAnswer:"
    )
    assert task.prompt(with_context)[1].content.startswith("Context:\nChile {is} long.\n\nQuestion")
    assert plain.labels == ("factual", "context=no", "held_out=no")
    assert with_context.labels == ("factual", "context=yes", "held_out=no")


def test_a_document_is_asked_for_with_its_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = with_rows("json", [JSON], tmp_path, monkeypatch)
    (sample,) = task.samples()
    text = task.prompt(sample)[-1].content
    assert "CORNER {SHOP} {0}" in text
    assert all(f'- "{name}": ' in text for name in JSON["schema"]["properties"])
    assert task.json_schema(sample) == JSON["schema"]
    assert sample.labels == ("easy", "doc_type=receipt", "held_out=yes")
    with pytest.raises(ParseError):
        task.parse(sample, ModelResponse("none", "m"))


@pytest.mark.parametrize(
    ("name", "field"),
    [("qa", f) for f in ("id", "question", "context", "answers", "slice", "held_out")]
    + [("json", f) for f in ("id", "text", "schema", "expected", "slice", "doc_type", "held_out")],
)
def test_a_row_that_lacks_a_field_is_named(
    name: str, field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ROWS[name][1]
    short = {key: value for key, value in row.items() if key != field}
    task = with_rows(name, [row, short], tmp_path, monkeypatch)
    with pytest.raises(DatasetError) as caught:
        list(task.samples())
    assert str(caught.value).endswith(f"test.jsonl:2: the row lacks '{field}'")


def test_a_question_without_accepted_answers_has_no_perfect_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = with_rows("qa", [QA | {"answers": []}], tmp_path, monkeypatch)
    with pytest.raises(DatasetError, match="sample 'qa-1' has no accepted answer"):
        task.completion(next(task.samples()))


@pytest.mark.parametrize("name", ["qa", "json"])
def test_the_prompt_recipe_is_stable_and_the_tasks_own(name: str) -> None:
    assert build_task(name).prompt_hash == build_task(name).prompt_hash
    assert build_task("qa").prompt_hash != build_task("json").prompt_hash
