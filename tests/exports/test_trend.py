"""`llm-eval trend`: values in time, and what changed between them."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from llm_eval.cli.main import main
from llm_eval.errors import ConfigError
from llm_eval.metrics.history import history
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import RunInfo
from tests.exports.conftest import store


def finished(
    storage: MetricsStorage, number: int, value: float, *, model: str = "m", data: str = "d"
) -> RunInfo:
    """A run whose interval is ± 0.05."""
    run_id = f"run_2026010{number}_000000_{'abcdefghi'[number] * 6}"
    recipe = {"metrics": [], "dataset_hash": data, "code": {"git_commit": f"{number}" * 40}}
    store(storage, run_id, [], model=model, created_at=f"2026-01-0{number}T00:00:00", recipe=recipe)
    metric: dict[str, Any] = {"value": value, "ci95": [value - 0.05, value + 0.05], "n": 100}
    summary = {"metrics": {"acc": metric}, "slices": {"easy": {"acc": {**metric, "value": 0.9}}}}
    storage.update_run(run_id, summary=summary)
    return storage.get_run(run_id)


@pytest.fixture
def runs(storage: MetricsStorage) -> list[RunInfo]:
    values = [(1, 0.5), (2, 0.55), (3, 0.7), (4, 0.4)]
    return [finished(storage, number, value) for number, value in values]


def test_values_come_oldest_first_with_the_changes_beyond_the_intervals(
    storage: MetricsStorage, runs: list[RunInfo]
) -> None:
    name, moments = history(storage, "qa")
    assert name == "acc"
    assert [m.value for m in moments] == [0.5, 0.55, 0.7, 0.4]
    assert [m.change for m in moments] == ["none", "none", "up", "down"]
    assert moments[0].git_commit == "1" * 40


def test_another_model_or_data_set_is_no_change(
    storage: MetricsStorage, runs: list[RunInfo]
) -> None:
    finished(storage, 5, 0.9, model="other")
    finished(storage, 6, 0.9, data="new")
    _, moments = history(storage, "qa")
    assert [m.change for m in moments[-2:]] == ["none", "none"]


def test_baselines_are_named(storage: MetricsStorage, runs: list[RunInfo]) -> None:
    storage.baselines.promote("main", runs[1].run_id, by="the release job")
    _, moments = history(storage, "qa")
    assert [m.baseline for m in moments] == [None, "main", None, None]


def test_a_slice_has_its_own_history(storage: MetricsStorage, runs: list[RunInfo]) -> None:
    _, moments = history(storage, "qa", part="easy", limit=2)
    assert [m.value for m in moments] == [0.9, 0.9]


def test_a_run_without_a_sample_is_no_value(storage: MetricsStorage, runs: list[RunInfo]) -> None:
    """It would be a fall to the worst value, and the next run a rise."""
    before = history(storage, "qa", "acc")
    recipe = {"metrics": [{"name": "acc", "kind": "rate", "worst": 0.0, "best": 1.0}]}
    late = "2026-12-31T00:00:00+00:00"
    empty = store(storage, "run_20261231_000000_empty0", [], created_at=late, recipe=recipe)
    assert empty.summary is not None
    assert empty.summary["metrics"]["acc"]["value"] is None
    assert history(storage, "qa", "acc") == before


def test_what_is_not_there_is_said(storage: MetricsStorage, runs: list[RunInfo]) -> None:
    with pytest.raises(ConfigError, match="no run of task 'other'"):
        history(storage, "other")
    with pytest.raises(ConfigError, match="no run of task 'qa' has metric 'f1'; known: acc"):
        history(storage, "qa", "f1")
    with pytest.raises(ConfigError, match=r"no run of task 'qa' has slice 'eazy'; .* 'easy'"):
        history(storage, "qa", part="eazy")
    with pytest.raises(ConfigError, match=r"no run of model 'n' .*known: m"):
        history(storage, "qa", model="n")
    with pytest.raises(ConfigError, match="no run of task 'qa' fits"):
        history(storage, "qa", since="2100-01-01")


def test_the_command_prints_and_draws(
    tmp_path: Path,
    storage: MetricsStorage,
    runs: list[RunInfo],
    capsys: pytest.CaptureFixture[str],
) -> None:
    db = f"sqlite:///{tmp_path}/runs.db"
    assert main(["trend", "qa", "--db", db, "--svg", f"{tmp_path}/t.svg"]) == 0
    printed = capsys.readouterr().out
    assert [line.count("●") for line in printed.splitlines()].count(1) == 4
    assert "▼" in printed
    assert ET.parse(tmp_path / "t.svg").getroot().tag.endswith("svg")
    assert main(["trend", "qa", "--db", db, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["value"] == 0.5
