"""Runs in MLflow and W&B, read back with MLflow's client and W&B's own records."""

import gc
import importlib
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llm_eval.cli.main import main
from llm_eval.errors import ConfigError, ProviderError
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.report.mlflow_sink import write_mlflow
from llm_eval.report.tracked_run import tracked_run
from llm_eval.report.wandb_sink import write_wandb
from llm_eval.types import RunInfo
from tests.exports.conftest import MARKUP, results, store

EXPERIMENT = "llm-eval/qa"
pytestmark = pytest.mark.filterwarnings("default")  # of their libraries


@pytest.fixture(autouse=True)
def tidy() -> Iterator[None]:
    """What their libraries leave open is closed here, and not in somebody else's test."""
    yield
    gc.collect()


def mlflow_client(uri: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def mlflow_runs(uri: str) -> list[Any]:
    client = mlflow_client(uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    return list(client.search_runs([experiment.experiment_id]))


@pytest.fixture(params=["database", "directory"])
def mlflow_uri(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Where MLflow keeps its runs: both of its local stores."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    place = tmp_path / "mlflow"
    return f"sqlite:///{place}.db" if request.param == "database" else str(place)


def test_a_tracker_is_told_the_recipe_and_not_the_request_that_repeats_it(
    storage: MetricsStorage,
) -> None:
    recipe = {"metrics": [], "seed": 0, "request": {"seed": 0}}
    info = store(storage, "run_20260301_030405_asked0", [], recipe=recipe)
    assert tracked_run(storage, info).params == {"seed": "0"}


def test_mlflow_reads_what_was_measured(
    mlflow_uri: str, storage: MetricsStorage, run: RunInfo
) -> None:
    assert write_mlflow(storage, [run], mlflow_uri) == 1
    [found] = mlflow_runs(mlflow_uri)
    assert run.summary is not None
    for name, metric in run.summary["metrics"].items():
        told = found.data.metrics
        assert told[name] == pytest.approx(metric["value"])
        assert told[f"{name}_ci95_low"] == pytest.approx(metric["ci95"][0])
        assert told[f"{name}_ci95_high"] == pytest.approx(metric["ci95"][1])
        assert (told[f"{name}_n"], told[f"{name}_n_scored"]) == (metric["n"], metric["n_scored"])
    easy = run.summary["slices"]["easy"]["f1"]
    assert found.data.metrics["slices/easy/f1"] == pytest.approx(easy["value"])
    assert found.data.metrics["n_failed"] == 1
    assert found.data.params["dataset_hash"] == "9f" * 32
    assert found.data.params["code.git_commit"] == "c0ffee"
    assert found.data.tags["llm_eval.run_id"] == run.run_id
    assert found.data.tags["branch"] == "main"
    assert found.info.status == "FAILED"  # the run is incomplete
    assert found.info.start_time == 1_767_323_045_000


@pytest.mark.parametrize("mlflow_uri", ["directory"], indirect=True)
def test_mlflow_keeps_the_summary_and_no_word_of_prompts_or_replies(
    mlflow_uri: str, storage: MetricsStorage, run: RunInfo, tmp_path: Path
) -> None:
    write_mlflow(storage, [run], mlflow_uri)
    [found] = mlflow_runs(mlflow_uri)
    path = mlflow_client(mlflow_uri).download_artifacts(found.info.run_id, "summary.json")
    assert json.loads(Path(path).read_bytes()) == run.summary
    for file in tmp_path.rglob("*"):
        if file.is_file() and not file.name.startswith("runs.db"):
            assert MARKUP.encode() not in file.read_bytes()


def test_a_run_that_is_written_again_is_brought_up_to_date_and_not_doubled(
    mlflow_uri: str, storage: MetricsStorage, run: RunInfo
) -> None:
    write_mlflow(storage, [run], mlflow_uri)
    write_mlflow(storage, [run], mlflow_uri)
    storage.update_run(run.run_id, status="complete")
    write_mlflow(storage, [storage.get_run(run.run_id)], mlflow_uri)
    [found] = mlflow_runs(mlflow_uri)
    assert (found.info.status, found.data.tags["status"]) == ("FINISHED", "complete")


@pytest.mark.parametrize("mlflow_uri", ["directory"], indirect=True)
def test_a_write_that_was_cut_off_is_made_whole_the_next_time(
    mlflow_uri: str, storage: MetricsStorage, run: RunInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(mlflow.MlflowClient, "log_dict", cut)
        with pytest.raises(KeyboardInterrupt):
            write_mlflow(storage, [run], mlflow_uri)
    [half] = mlflow_runs(mlflow_uri)
    assert half.info.status == "RUNNING"
    write_mlflow(storage, [run], mlflow_uri)
    [whole] = mlflow_runs(mlflow_uri)
    assert whole.info.status == "FAILED"
    assert mlflow_client(mlflow_uri).list_artifacts(whole.info.run_id)


@pytest.mark.parametrize("mlflow_uri", ["directory"], indirect=True)
def test_names_that_mlflow_does_not_take_are_changed_and_not_lost(
    mlflow_uri: str, storage: MetricsStorage
) -> None:
    odd = store(storage, "run_20260102_030405_bbbbbb", results(), tags={"größe=?": "x" * 7000})
    write_mlflow(storage, [odd], mlflow_uri)
    [found] = mlflow_runs(mlflow_uri)
    assert any(name.startswith("gr") for name in found.data.tags)
    assert any("slices/kind_sum" in name for name in found.data.metrics)


def test_a_server_that_is_not_there_is_one_line(
    storage: MetricsStorage, run: RunInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ProviderError, match=r"MLflow at http://127\.0\.0\.1:9: .*[Rr]efused") as no:
        write_mlflow(storage, [run], "http://127.0.0.1:9")
    assert "\n" not in str(no.value)


def wandb_records(directory: Path) -> Iterator[Any]:
    """What an offline run's file holds, in W&B's own message type.

    The file is LevelDB's log format: blocks of 32 KiB, records that may span them.
    """
    messages: Any = importlib.import_module("wandb.proto.wandb_internal_pb2")
    [path] = directory.glob("wandb/offline-run-*/*.wandb")
    data, at, parts = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            record = messages.Record()
            record.ParseFromString(parts)
            parts = b""
            yield record


@pytest.fixture
def wandb_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    import wandb

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    yield tmp_path
    wandb.teardown()  # its one service for a process remembers the directory


def test_wandb_reads_what_was_measured(
    wandb_directory: Path, storage: MetricsStorage, run: RunInfo
) -> None:
    assert write_wandb(storage, [run], "team/quality") == 1
    importlib.import_module("wandb").teardown()  # its service has written all when it has ended
    records = list(wandb_records(wandb_directory))
    [begun] = [record.run for record in records if record.WhichOneof("record_type") == "run"]
    assert (begun.run_id, begun.entity, begun.project) == (run.run_id, "team", "quality")
    assert "branch=main" in begun.tags
    config = {item.key: json.loads(item.value_json) for item in begun.config.update}
    assert config["dataset_hash"] == "9f" * 32
    summary: dict[str, float] = {}
    for record in records:
        for item in record.summary.update:
            summary[item.key or item.nested_key[0]] = json.loads(item.value_json)
    for name, value in tracked_run(storage, run).metrics.items():
        assert summary[name] == pytest.approx(value)
    [exit_] = [record.exit for record in records if record.WhichOneof("record_type") == "exit"]
    assert exit_.exit_code == 1  # the run is incomplete


def test_wandb_gets_the_slices_as_a_table_and_no_word_of_prompts_or_replies(
    wandb_directory: Path, storage: MetricsStorage, run: RunInfo
) -> None:
    write_wandb(storage, [run], "quality")
    [path] = wandb_directory.rglob("*.table.json")
    table = json.loads(path.read_bytes())
    assert table["columns"][:3] == ["slice", "metric", "value"]
    assert ["easy", "f1"] in [row[:2] for row in table["data"]]
    for file in wandb_directory.rglob("wandb/**/*"):
        if file.is_file():
            assert MARKUP.encode() not in file.read_bytes()


def test_wandbs_own_tool_finds_the_run(
    wandb_directory: Path, storage: MetricsStorage, run: RunInfo
) -> None:
    write_wandb(storage, [run], "quality")
    tool = Path(sys.executable).with_name("wandb")
    done = subprocess.run(
        [str(tool), "sync", "--dry-run"],
        env={**os.environ, "WANDB_SILENT": "false"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.run_id in done.stdout + done.stderr


@pytest.mark.parametrize("output", ["", "team/", "a/b/c", "https://wandb.example/p"])
def test_what_is_no_project_is_refused(storage: MetricsStorage, run: RunInfo, output: str) -> None:
    with pytest.raises(ConfigError, match="W&B takes PROJECT or ENTITY/PROJECT"):
        write_wandb(storage, [run], output)


@pytest.mark.parametrize("library", ["mlflow", "wandb"])
def test_a_missing_library_is_told_with_the_remedy(
    storage: MetricsStorage,
    run: RunInfo,
    library: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    args = ["export", "--db", storage.url, "--format", library, "--output", "x"]
    assert main(args) == 2
    assert f"{library} is missing: pip install 'llm-eval[{library}]'" in capsys.readouterr().err


def test_the_command_takes_whole_runs_only(
    storage: MetricsStorage, run: RunInfo, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["export", "--db", storage.url, "--format", "mlflow", "--output", "x", "--failures"]
    assert main(args) == 2
    assert "--failures narrows csv, jsonl and parquet, not mlflow" in capsys.readouterr().err
