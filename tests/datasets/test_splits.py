"""Where the packaged splits are looked for, and what is said when they are not there."""

from pathlib import Path

import pytest

from llm_eval.datasets.splits import split_file
from llm_eval.errors import DatasetError


def put(root: Path) -> Path:
    file = root / "tasks" / "made_up" / "test.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("{}\n")
    return file


def test_the_environment_comes_before_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, here = put(tmp_path / "own"), put(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LLM_EVAL_DATA", raising=False)
    assert split_file("made_up", "test") == here
    monkeypatch.setenv("LLM_EVAL_DATA", str(tmp_path / "own"))
    assert split_file("made_up", "test") == own


def test_a_folder_without_the_split_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = put(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLM_EVAL_DATA", str(tmp_path / "nowhere"))
    assert split_file("made_up", "test") == here


def test_a_missing_split_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLM_EVAL_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DatasetError) as caught:
        split_file("made_up", "tset")
    message = str(caught.value)
    assert message.startswith("tasks/made_up/tset.jsonl is not there; looked in ")
    assert f"{tmp_path}/nowhere, {tmp_path}/data, " in message
    assert message.endswith("set LLM_EVAL_DATA")
