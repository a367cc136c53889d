"""`llm-eval trend --thresholds`: what the gate says of every run, from real runs."""

import json
from pathlib import Path

import pytest

from llm_eval import evaluate
from llm_eval.cli.main import main
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.tasks.build import build_task
from llm_eval.testing import ScriptedModel

N = 60


def run(storage: MetricsStorage, right: float) -> str:
    """A run of `qa` in which this share of the replies is right."""
    task = build_task("qa")
    samples = list(task.samples("test"))[:N]
    replies = [
        task.completion(sample) if number < right * N else "no idea"
        for number, sample in enumerate(samples)
    ]
    prompts = {task.prompt(s): reply for s, reply in zip(samples, replies, strict=True)}
    model = ScriptedModel(lambda messages, sampling, repeat: prompts[messages])
    return evaluate("qa", model, db=storage, limit=N).run_id


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text('qa.exact_match: ">= baseline - 0.2"\n')
    return path


def test_each_run_is_gated_against_the_one_before_it(
    storage: MetricsStorage, rules: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [run(storage, share) for share in (0.9, 0.9, 0.3)]
    arguments = ["trend", "qa", "--db", storage.url, "--thresholds", str(rules)]
    drawn = tmp_path / "trend.svg"
    assert main([*arguments, "--svg", str(drawn)]) == 0
    said = capsys.readouterr().out
    lines = [line for line in said.splitlines() if "●" in line]
    assert [line.rsplit("  ", 1)[-1].strip() for line in lines] == ["none yet", "pass", "fail"]
    labels = drawn.read_text()
    for verdict in ("none yet", "pass", "fail"):
        assert labels.count(f" {verdict}<") == 1  # whole, not cut by an ellipsis
    assert labels.count(">✗<") == 1
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["gates"] == dict(zip(ids, ("none yet", "pass", "fail"), strict=True))


def test_a_baseline_that_the_rules_name_holds_for_every_run(
    storage: MetricsStorage, rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(storage, 0.9)
    run(storage, 0.3)
    run(storage, 0.3)
    storage.baselines.promote("main", first, by="a test")
    rules.write_text('version: 1\nbaseline: main\nqa.exact_match: ">= baseline - 0.2"\n')
    assert main(["trend", "qa", "--db", storage.url, "--thresholds", str(rules), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told["gates"].values()) == ["baseline", "fail", "fail"]
