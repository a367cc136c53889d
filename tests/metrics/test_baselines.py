"""Promotions on both databases."""

from dataclasses import replace
from pathlib import Path

import pytest

from llm_eval import evaluate
from llm_eval.errors import ConfigError
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.testing import ScriptedModel


def finished_run(storage: MetricsStorage, tmp_path: Path) -> str:
    """A run of three samples, one of them wrong, with names that databases dislike."""
    (tmp_path / "rows.jsonl").write_text(
        '{"input": "a\\u0000", "target": "x"}\n{"input": "b", "target": "x"}\n'
        '{"input": "c", "target": "y"}\n'
    )
    (tmp_path / "task.yaml").write_text(
        "name: three\ndata: rows.jsonl\ntarget_field: target\nscorers: [exact_match]\n"
        "messages: [{role: user, content: '{{ input }}'}]\n"
    )
    return evaluate(str(tmp_path / "task.yaml"), ScriptedModel(["x"]), db=storage).run_id


def test_a_promotion_is_found_by_name_and_keeps_its_run(
    storage: MetricsStorage, tmp_path: Path
) -> None:
    run_id = finished_run(storage, tmp_path)
    storage.baselines.promote("main", run_id, by="a\0b", note="\ud800")
    assert storage.get_run("main").run_id == run_id
    (found,) = storage.baselines.current()
    assert (found.promoted_by, found.note) == ("a\0b", "\ud800")
    with pytest.raises(ConfigError, match="baseline"):
        storage.delete_run(run_id)


def test_a_run_without_its_texts_gives_the_same_scores(
    storage: MetricsStorage, tmp_path: Path
) -> None:
    run_id = finished_run(storage, tmp_path)
    info = storage.get_run(run_id)
    table, outcomes = storage.scores_and_outcomes(run_id)
    assert list(outcomes.statuses) == ["scored"] * 3
    copied = replace(info, run_id="run_20260101_000000_aaaaaa", tags={"from": "file"})
    assert storage.baselines.import_run(copied, table, outcomes)
    assert not storage.baselines.import_run(copied, table, outcomes)
    again = storage.score_table(copied.run_id)
    assert again.values.tolist() == table.values.tolist()
    assert list(again.keys) == list(table.keys)
    assert storage.get_run("from=file").status == "complete"
    assert storage.get_run("latest").run_id == run_id  # what is imported was run elsewhere, before


def test_the_tasks_of_all_runs_are_known(storage: MetricsStorage, tmp_path: Path) -> None:
    finished_run(storage, tmp_path)
    assert storage.task_names() == ["three"]
