"""What a training refuses before it begins, and what it says when the machine stops it."""

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llm_eval.errors import ConfigError, TrainingError
from llm_eval.finetune import qlora_trainer
from llm_eval.finetune.config import Recipe, load_recipe, overridden
from llm_eval.finetune.plan import prepare_training
from llm_eval.finetune.qlora_trainer import train
from llm_eval.models.adapter_files import MANIFEST, read_adapter
from llm_eval.testing.tiny_model import make_tiny_model

TASK = """
name: capitals
data: rows.jsonl
messages: [{{role: user, content: "{prompt}"}}]
target: "{{{{ answer }}}}"
scorers: [exact_match]
"""
RECIPE = """
base: {base}
task: {task}
output: {output}
data: {{max_tokens: 400, check_contamination: false}}
lora: {{rank: 16}}
train: {{batch: 2, learning_rate: 0.01, max_steps: 1, precision: float32}}
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def recipe_of(tiny: Path, directory: Path) -> Recipe:
    write_rows(directory, "Paris")
    write_task(directory, "Capital of {{ country }}?")
    path = directory / "recipe.yaml"
    path.write_text(
        RECIPE.format(
            base=tiny,
            task=directory / "task.yaml",
            output=directory / "adapter",
        )
    )
    return load_recipe(path)


def write_rows(directory: Path, answer: str) -> None:
    rows = [{"country": "France", "answer": answer}, {"country": "Italy", "answer": "Rome"}]
    (directory / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_task(directory: Path, prompt: str) -> None:
    (directory / "task.yaml").write_text(TASK.format(prompt=prompt))


@pytest.fixture(scope="module")
def trained(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    recipe = recipe_of(tiny, tmp_path_factory.mktemp("trained"))
    train(recipe)
    return recipe


@pytest.fixture
def mine(trained: Recipe, tmp_path: Path) -> Recipe:
    """A finished training whose adapter a test may change."""
    shutil.copytree(trained.output_directory, tmp_path / "adapter")
    return overridden(trained, output=str(tmp_path / "adapter"))


def test_a_finished_training_is_taken_as_it_is(mine: Recipe) -> None:
    said: list[str] = []
    train(mine, say=said.append)
    assert said == [f"{mine.output} was trained by this recipe before"]


def test_an_adapter_that_learnt_other_rows_is_not_taken_for_this_one(mine: Recipe) -> None:
    write_rows(Path(mine.task).parent, "Lyon")
    try:
        with pytest.raises(ConfigError, match=r"another training \(other rows\); .*--restart"):
            train(mine)
    finally:
        write_rows(Path(mine.task).parent, "Paris")


def test_an_adapter_that_learnt_another_prompt_is_not_taken_for_this_one(mine: Recipe) -> None:
    write_task(Path(mine.task).parent, "What is the capital of {{ country }}?")
    try:
        with pytest.raises(ConfigError, match=r"another training \(other prompts\)"):
            train(mine)
    finally:
        write_task(Path(mine.task).parent, "Capital of {{ country }}?")


def test_an_adapter_of_a_base_whose_files_changed_is_not_taken_for_this_one(
    mine: Recipe, tiny: Path, tmp_path: Path
) -> None:
    other = make_tiny_model(tmp_path / "tiny", seed=5)
    moved = tiny.rename(tiny.with_name("kept"))
    other.rename(tiny)
    try:
        with pytest.raises(ConfigError, match=r"another training \(other base\)"):
            train(mine)
    finally:
        shutil.rmtree(tiny)
        moved.rename(tiny)


def test_a_parent_of_another_base_is_refused(mine: Recipe, tmp_path: Path) -> None:
    other = make_tiny_model(tmp_path / "other", seed=5)
    recipe = overridden(mine, base=str(other), parent=mine.output, lora={}, output="x")
    with pytest.raises(ConfigError, match=r"trained on 'tiny' with other files than 'other' has"):
        train(recipe)


def test_a_parent_that_does_not_fit_is_refused_and_not_loaded_in_part(
    mine: Recipe, tmp_path: Path
) -> None:
    """PEFT leaves out the layers that the base has not, without a word."""
    small = make_tiny_model(tmp_path / "small", layers=1)
    (mine.output_directory / MANIFEST).unlink()  # from elsewhere: it does not say on which base
    recipe = overridden(mine, base=str(small), parent=mine.output, lora={})
    with pytest.raises(ConfigError, match=r"does not fit small; .*, which the base has not"):
        train(overridden(recipe, output=str(tmp_path / "child")))


def test_a_child_goes_on_from_its_parent(mine: Recipe, tmp_path: Path) -> None:
    parent = read_adapter(mine.output)
    child = train(
        overridden(mine, parent=mine.output, lora={}, output=str(tmp_path / "child"), seed=1)
    )
    assert child.manifest is not None
    assert child.manifest["lineage"]["parent"] == parent.digest
    assert child.config["r"] == parent.config["r"] == 16


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train.epochs": -1.0}, r"train\.epochs: expected float > 0.0, got -1.0"),
        ({"train.learning_rate": 0.0}, r"train\.learning_rate: .* got 0.0"),
        ({"lora.targets": ("q_prj",)}, r"unknown linear layer 'q_prj'; did you mean 'q_proj'"),
        ({"validate": {"metric": "exact_match", "split": "test"}}, r"split: test: .*use val"),
        ({"validate": {"metric": "exact_match", "split": "train"}}, "trained on it; use another"),
        ({"parent": "somewhere", "lora.rank": 8}, "`parent` has its shape already"),
    ],
)
def test_what_contradicts_itself_is_refused_before_a_row_is_learnt(
    tiny: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        prepare_training(overridden(recipe_of(tiny, tmp_path), **changes))


@pytest.mark.parametrize(
    "largest",
    [
        16_000,  # the checkpoint's weights find no room: safetensors says so
        60_000,  # its optimiser finds none: torch does
    ],
)
def test_a_disk_that_is_full_is_one_line_with_the_remedy(
    tiny: Path, tmp_path: Path, largest: int
) -> None:
    """No file may grow beyond `largest` bytes: the system refuses, as it does on a full disk."""
    recipe = recipe_of(tiny, tmp_path)
    script = (
        "import sys\n"
        "from llm_eval.errors import TrainingError\n"
        "from llm_eval.finetune.config import load_recipe\n"
        "from llm_eval.finetune.qlora_trainer import train\n"
        "try: train(load_recipe(sys.argv[1]))\n"
        "except TrainingError as exc: print(exc)\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, str(tmp_path / "recipe.yaml")],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)),
    )
    assert f"{tmp_path}/.adapter.training cannot be written: " in done.stdout
    assert "free some space" in done.stdout
    assert done.stdout.count("\n") == 1
    assert not recipe.output_directory.exists()
    left = [path.name for path in tmp_path.glob(".adapter*")]
    assert left == [".adapter.training"]
    assert train(recipe).path == recipe.output_directory  # and now there is room


def test_memory_that_runs_out_is_one_line_with_the_remedy(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("tried to allocate 20 GiB")

    monkeypatch.setattr(qlora_trainer, "load_base", full)
    with pytest.raises(TrainingError, match=r"ran out of memory; .* Lower train\.batch"):
        train(recipe_of(tiny, tmp_path))


def test_a_base_without_a_chat_template_is_told(tiny: Path, tmp_path: Path) -> None:
    plain = Path(shutil.copytree(tiny, tmp_path / "plain"))
    for path in plain.glob("chat_template*"):
        path.unlink()
    config = json.loads((plain / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (plain / "tokenizer_config.json").write_text(json.dumps(config))
    plan = prepare_training(overridden(recipe_of(tiny, tmp_path), base=str(plain)))
    assert any("no chat template" in line for line in plan.remarks)


def test_weights_of_a_plan_spread_over_processes_are_divided(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(tiny, tmp_path)
    whole = prepare_training(recipe).memory.parts[0]
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("WORLD_SIZE", "2")
    half = prepare_training(recipe).memory.parts[0]
    assert (whole.name, half.n_bytes) == ("weights", whole.n_bytes / 2)
    judged = overridden(recipe, validate={"metric": "exact_match", "split": "val"})
    with pytest.raises(ConfigError, match="no process has the whole model under FSDP"):
        prepare_training(judged)
