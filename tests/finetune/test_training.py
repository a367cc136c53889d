"""Training for real, on a model of two layers: what it makes, and what happens when it fails."""

import errno
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llm_eval.errors import ConfigError, TrainingError
from llm_eval.finetune import adapter as adapter_module
from llm_eval.finetune.callbacks import Watch
from llm_eval.finetune.config import Recipe, load_recipe, overridden
from llm_eval.finetune.plan import prepare_training
from llm_eval.finetune.progress import Progress
from llm_eval.finetune.qlora_trainer import last_checkpoint, run, train
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.adapter_files import AdapterFiles, read_adapter
from llm_eval.testing.tiny_model import make_tiny_model

RECIPE = """
base: {base}
task: qa
output: {output}
data: {{max_tokens: 400, limit: 8, check_contamination: false}}
lora: {{rank: 4, alpha: 8}}
train: {{batch: 2, learning_rate: 0.01, save_every: 1, precision: float32}}
validate: {{metric: token_f1, every: 2, limit: 4, max_tokens: 4}}
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def trained(
    tiny: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Recipe, AdapterFiles, list[str]]:
    """One training, which several tests look at."""
    recipe = recipe_of(tiny, tmp_path_factory.mktemp("trained"))
    said: list[str] = []
    return recipe, train(recipe, say=said.append), said


def recipe_of(tiny: Path, directory: Path) -> Recipe:
    path = directory / "recipe.yaml"
    path.write_text(RECIPE.format(base=tiny, output=directory / "adapter"))
    return load_recipe(path)


def test_a_training_leaves_an_adapter_that_tells_where_it_comes_from(
    trained: tuple[Recipe, AdapterFiles, list[str]],
) -> None:
    recipe, adapter, said = trained
    assert adapter.manifest is not None
    lineage = adapter.manifest["lineage"]
    assert lineage["recipe_digest"] == recipe.digest
    assert [step for step, _ in lineage["curve"]["loss"]] == [1, 2, 3, 4]
    assert [step for step, _ in lineage["curve"]["validation"]] == [2, 4]
    assert lineage["dataset_hash"]
    assert lineage["steps"] == 4
    assert not recipe.output_directory.with_name(".adapter.training").exists()
    assert any("LoRA in float32" in line for line in said)
    assert str(adapter.path.parent) not in (adapter.path / "adapter_config.json").read_text()


def test_the_same_recipe_and_seed_make_the_same_adapter(
    tiny: Path, trained: tuple[Recipe, AdapterFiles, list[str]], tmp_path: Path
) -> None:
    again = train(recipe_of(tiny, tmp_path))
    assert again.digest == trained[1].digest


def test_a_finished_training_is_not_repeated_and_never_overwritten_by_another(
    trained: tuple[Recipe, AdapterFiles, list[str]],
) -> None:
    recipe, adapter, _ = trained
    said: list[str] = []
    assert train(recipe, say=said.append).digest == adapter.digest
    assert said == [f"{recipe.output} was trained by this recipe before"]
    with pytest.raises(ConfigError, match=r"holds an adapter of another training \(other recipe"):
        train(overridden(recipe, seed=1))


def test_the_lineage_is_in_the_database_under_the_adapters_digest(
    trained: tuple[Recipe, AdapterFiles, list[str]], tmp_path: Path
) -> None:
    recipe, adapter, _ = trained
    with MetricsStorage(f"sqlite:///{tmp_path}/runs.db") as storage:
        train(recipe, storage=storage)
        train(recipe, storage=storage)
        [found] = storage.lineage.find(adapter.digest[:10])
        assert found.name == "adapter"
        assert found.base["digest"]
        assert found.training["recipe_digest"] == recipe.digest
        assert storage.lineage.find("adapter") == [found]
        assert storage.lineage.runs_of(adapter.digest) == []


def test_a_killed_training_goes_on_from_its_last_checkpoint(
    tiny: Path, trained: tuple[Recipe, AdapterFiles, list[str]], tmp_path: Path
) -> None:
    recipe = recipe_of(tiny, tmp_path)
    work = tmp_path / ".adapter.training"
    script = (
        "import sys, time; from pathlib import Path\n"
        "from llm_eval.finetune import callbacks, qlora_trainer\n"
        "from llm_eval.finetune.config import load_recipe\n"
        "validate = callbacks.Watch.validate\n"
        "def slowly(self, step):\n"
        "    done = validate(self, step)\n"
        "    if step == 2: time.sleep(600)\n"
        "    return done\n"
        "callbacks.Watch.validate = slowly\n"
        "qlora_trainer.train(load_recipe(sys.argv[1]))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "recipe.yaml")])
    try:
        deadline = time.monotonic() + 300
        while not (work / "best-2").exists() and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(0.5)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not recipe.output_directory.exists()
    latest = last_checkpoint(work)
    assert latest is not None
    said: list[str] = []
    adapter = train(recipe, say=said.append)
    assert f"goes on from {latest.name}" in said
    assert adapter.manifest is not None
    assert [step for step, _ in adapter.manifest["lineage"]["curve"]["loss"]] == [1, 2, 3, 4]
    assert adapter.digest == trained[1].digest


def test_a_checkpoint_that_was_cut_off_is_passed_over(tmp_path: Path, trained: object) -> None:
    (tmp_path / "checkpoint-7").mkdir()
    assert last_checkpoint(tmp_path) is None


def test_an_adapter_that_cannot_be_written_leaves_nothing_under_its_name(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = overridden(recipe_of(tiny, tmp_path), **{"train.max_steps": 1, "validate": None})

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(adapter_module, "_sync", full)
    with pytest.raises(TrainingError, match=r"cannot be written: .*No space left.*free some space"):
        train(recipe)
    assert not recipe.output_directory.exists()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".adapter.")] == [
        ".adapter.training"
    ]
    monkeypatch.undo()
    assert train(recipe).digest


def test_a_save_that_was_killed_half_way_is_no_adapter(tmp_path: Path) -> None:
    half = tmp_path / ".adapter.saving"
    half.mkdir()
    (half / "adapter_config.json").write_text("{}")
    with pytest.raises(ConfigError, match="is not there"):
        read_adapter(tmp_path / "adapter")
    with pytest.raises(ConfigError, match="is not whole"):
        read_adapter(half)


def test_a_loss_that_is_no_number_ends_the_training_with_the_remedy(
    tiny: Path, tmp_path: Path
) -> None:
    recipe = recipe_of(tiny, tmp_path)
    watch = Watch(recipe, None, Progress(4, 1.0, print), tmp_path, "cpu", print)
    with pytest.raises(TrainingError, match=r"step 3 is nan: .*lower train.learning_rate \(0.01\)"):
        watch.loss(3, float("nan"))


def test_a_training_that_diverges_is_not_saved(tiny: Path, tmp_path: Path) -> None:
    recipe = overridden(
        recipe_of(tiny, tmp_path), **{"train.learning_rate": 1e30, "validate": None}
    )
    with pytest.raises(TrainingError, match="has diverged"):
        train(recipe)
    assert not recipe.output_directory.exists()


def test_patience_ends_a_training_that_no_longer_gets_better(tiny: Path, tmp_path: Path) -> None:
    recipe = overridden(
        recipe_of(tiny, tmp_path),
        **{"validate.every": 1, "validate.patience": 1, "train.learning_rate": 1e-9},
    )
    adapter = train(recipe)
    assert adapter.manifest is not None
    assert adapter.manifest["lineage"]["steps"] == 2
    assert adapter.manifest["lineage"]["best"][0] == 1


def test_a_recipe_that_cannot_be_is_told_with_its_line(tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    text = RECIPE.format(base=tiny, output="x")
    path.write_text(text.replace("batch: 2", "batsh: 2"))
    with pytest.raises(ConfigError, match=r"recipe.yaml:\d+: .*'batsh'; did you mean 'batch'"):
        load_recipe(path)
    path.write_text(text.replace("token_f1", "tokenf1"))
    with pytest.raises(ConfigError, match="has no metric 'tokenf1'"):
        train(load_recipe(path))
    path.write_text(text.replace(str(tiny), "nowhere"))
    with pytest.raises(ConfigError, match="model directory nowhere is not there"):
        train(load_recipe(path))


def test_what_only_a_gpu_can_do_is_refused_where_there_is_none(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    recipe = overridden(recipe_of(tiny, tmp_path), **{"train.optimizer": "paged_adamw_8bit"})
    with pytest.raises(ConfigError, match="torch sees no GPU; set it to auto"):
        train(recipe)


@pytest.mark.parametrize(
    ("change", "library", "message"),
    [
        ({"report_to": ("tensorboard",)}, "tensorboard", "the library is missing: pip install"),
        ({"data.packing": True}, "flash_attn", "packed rows would read each other"),
    ],
)
def test_what_needs_a_library_that_is_not_here_is_refused(
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, object],
    library: str,
    message: str,
) -> None:
    real = importlib.util.find_spec

    def without(name: str) -> object:
        return None if name == library else real(name)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(ConfigError, match=message):
        train(overridden(recipe_of(tiny, tmp_path), **change))


def test_checkpoints_of_another_recipe_are_not_mixed_in(tiny: Path, tmp_path: Path) -> None:
    recipe = recipe_of(tiny, tmp_path)
    work = tmp_path / ".adapter.training"
    work.mkdir()
    (work / "origin.json").write_text(json.dumps({"recipe": "another"}))
    with pytest.raises(ConfigError, match=r"checkpoints of another recipe; .*--restart"):
        run(prepare_training(recipe))


@pytest.mark.soak
def test_several_processes_train_one_adapter_and_only_the_first_speaks(
    tiny: Path, tmp_path: Path
) -> None:
    recipe = recipe_of(tiny, tmp_path)
    script = Path(__file__).parents[2] / "scripts/train_qlora.py"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"),
            *(str(script), str(tmp_path / "recipe.yaml"), "--db", f"sqlite:///{tmp_path}/runs.db"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("training on cpu") == 1
    assert done.stdout.count("evaluate it:") == 1
    adapter = read_adapter(recipe.output_directory)
    assert adapter.manifest is not None
    assert adapter.manifest["lineage"]["steps"] == 2  # 8 rows, 2 each for 2 processes
