"""The loop on a model of two layers: evaluate, train, evaluate, compare, gate, and go on."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llm_eval.cli.main import main
from llm_eval.errors import ConfigError
from llm_eval.evaluation import Plan
from llm_eval.event_loop import in_own_loop
from llm_eval.execution import Evaluation, execute_plan
from llm_eval.finetune.loop import Loop, LoopResult, LoopStoppedError
from llm_eval.finetune.loop_config import load_loop
from llm_eval.finetune.loop_report import commands, loop_report
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.testing.tiny_model import make_tiny_model
from llm_eval.types import RunInfo

FILES = {
    "train.yaml": """
base: {directory}/tiny
task: qa
output: {directory}/adapter
data: {{max_tokens: 400, limit: 8, check_contamination: false}}
train: {{batch: 4, learning_rate: 0.01, precision: float32}}
""",
    "gate.yaml": """
gates:
  - {{id: learnt, metric: qa.token_f1, kind: floor, min: 0.9}}
  - {{id: kept, metric: json.strict_json, kind: non_inferiority, margin: 0.9}}
""",
    "loop.yaml": """
name: tiny
recipe: train.yaml
evaluate:
  - {{task: qa, limit: 6, max_tokens: 4}}
  - {{task: json, limit: 4, max_tokens: 4, groups: [held_out]}}
thresholds: gate.yaml
output: {directory}/out
""",
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("loop")
    make_tiny_model(made / "tiny")
    for name, text in FILES.items():
        (made / name).write_text(text.format(directory=made))
    return made


@pytest.fixture(scope="module")
def storage(directory: Path) -> Iterator[MetricsStorage]:
    with MetricsStorage(f"sqlite:///{directory}/runs.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def result(directory: Path, storage: MetricsStorage) -> LoopResult:
    """One whole loop, stopped in its first evaluation and gone on with."""
    config = load_loop(directory / "loop.yaml")

    def stopped(plan: Plan, resume: RunInfo | None) -> Evaluation:
        done = in_own_loop(lambda: execute_plan(plan, storage, resume=resume))
        storage.update_run(done.run_id, status="interrupted")
        return replace(done, summary=replace(done.summary, status="interrupted"))

    with pytest.raises(LoopStoppedError):
        Loop(config, storage, evaluate=stopped).run()
    return Loop(config, storage).run()


def test_a_loop_evaluates_both_models_on_every_task_and_gates_each(result: LoopResult) -> None:
    assert [one.base.recipe["task"] for one in result.measured] == ["qa", "json"]
    for one in result.measured:
        assert one.base.recipe["model"]["adapter"] is None
        assert one.tuned.recipe["model"]["adapter"] == result.adapter.digest
        assert one.base.status == one.tuned.status == "complete"
        assert one.comparison.n_paired == one.base.n_total
    learnt, kept = (one.gate.results[0] for one in result.measured)
    assert (learnt.id, learnt.status) == ("learnt", "fail")
    assert kept.id == "kept"
    assert result.status == "fail"
    assert result.exit_code == 1


def test_a_loop_that_was_stopped_goes_on_with_its_run(
    result: LoopResult, storage: MetricsStorage
) -> None:
    assert len(storage.list_runs()) == 4


def test_a_loop_that_is_run_again_repeats_nothing(
    result: LoopResult, directory: Path, storage: MetricsStorage
) -> None:
    def never(plan: Plan, resume: RunInfo | None) -> Evaluation:
        raise AssertionError(plan)

    again = Loop(load_loop(directory / "loop.yaml"), storage, evaluate=never).run()
    assert [one.tuned.run_id for one in again.measured] == [
        one.tuned.run_id for one in result.measured
    ]
    assert again.adapter.digest == result.adapter.digest


def test_the_report_answers_the_four_questions_with_numbers(result: LoopResult) -> None:
    text = loop_report(result)
    for wanted in ("Did it help?", "Did it break anything?", "What was trained", "by hand"):
        assert f"## {wanted}" in text or f"## The same {wanted}" in text
    assert "`held_out=yes`" in text
    assert "| `token_f1` | all | 6 |" in text
    assert f"llm-eval compare {result.measured[0].base.run_id}" in text
    assert result.adapter.digest in text


def test_the_commands_by_hand_do_what_the_loop_did(result: LoopResult) -> None:
    first, *_ = commands(result)
    assert first.endswith("/tiny --limit 6 --max-tokens 4")
    config = replace(result.config, seed=7, path="/my loops/loop.yaml")
    first, *others = commands(replace(result, config=config))
    assert first.endswith(" --seed 7")
    assert "llm-eval train '/my loops/train.yaml'" in others


def test_the_command_writes_report_comparisons_and_card_and_exits_as_the_gate_says(
    result: LoopResult, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["loop", str(directory / "loop.yaml"), "--db", f"sqlite:///{directory}/runs.db"])
    assert code == 1
    written = {path.name for path in (directory / "out").iterdir()}
    assert written == {
        "report.md",
        "comparison-qa.md",
        "comparison-qa.html",
        "comparison-json.md",
        "comparison-json.html",
    }
    assert "model-index" in (directory / "adapter" / "README.md").read_text()
    assert "fail: 1 of 1 rule stops it" in capsys.readouterr().out


def test_the_lineage_names_base_training_and_runs(
    result: LoopResult, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = ["--db", f"sqlite:///{directory}/runs.db"]
    for ref in (str(directory / "adapter"), result.measured[0].tuned.run_id):
        assert main(["lineage", ref, *db]) == 0
        said = capsys.readouterr().out
        assert said.startswith("base      tiny")
        assert result.adapter.digest[:12] in said
        assert all(one.tuned.run_id in said for one in result.measured)
    assert main(["lineage", result.measured[0].base.run_id, *db]) == 2
    assert "without an adapter" in capsys.readouterr().err


def test_a_task_without_a_rule_is_refused_before_anything_is_spent(
    directory: Path, storage: MetricsStorage
) -> None:
    lax = directory / "lax.yaml"
    lax.write_text('qa.token_f1: ">= 0.5"\n')
    other = directory / "other.yaml"
    other.write_text((directory / "loop.yaml").read_text().replace("gate.yaml", "lax.yaml"))
    with pytest.raises(ConfigError, match=r"lax.yaml: no rule is about the task 'json'"):
        Loop(load_loop(other), storage).plans()


def test_a_mistake_in_the_file_is_told_with_its_line(directory: Path) -> None:
    wrong = directory / "wrong.yaml"
    text = (directory / "loop.yaml").read_text()
    wrong.write_text(text.replace("train.yaml", "tarin.yaml"))
    with pytest.raises(ConfigError, match=r"wrong.yaml:3: recipe: there is no file .*tarin.yaml"):
        load_loop(wrong)
    wrong.write_text(text.replace("task: json", "task: qa"))
    with pytest.raises(ConfigError, match="the task 'qa' stands there twice"):
        load_loop(wrong)
