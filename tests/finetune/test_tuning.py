"""A search over recipes: seeded, judged by the task's scorers, gone on with after a stop."""

from pathlib import Path

import pytest
import yaml

from llm_eval.errors import ConfigError
from llm_eval.finetune import tuning
from llm_eval.finetune.config import Recipe, load_recipe
from llm_eval.finetune.qlora_trainer import run
from llm_eval.finetune.tuning import Search
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.adapter_files import read_adapter
from llm_eval.testing.tiny_model import make_tiny_model

RECIPE = """
base: {directory}/tiny
task: qa
output: {directory}/unused
data: {{max_tokens: 400, limit: 4, check_contamination: false}}
lora: {{rank: 2, alpha: 4}}
train: {{batch: 2, precision: float32}}
validate: {{metric: token_f1, every: 1, limit: 2, max_tokens: 4}}
"""
SEARCH = """
recipe: train.yaml
output: {directory}/out
trials: {trials}
space:
  train.learning_rate: {{low: 0.0001, high: 0.1, log: true}}
  lora.rank: [2, 4]
"""


@pytest.fixture
def search_file(tmp_path: Path) -> Path:
    make_tiny_model(tmp_path / "tiny")
    (tmp_path / "train.yaml").write_text(RECIPE.format(directory=tmp_path))
    return write(tmp_path, trials=2)


def write(directory: Path, trials: int) -> Path:
    path = directory / "search.yaml"
    path.write_text(SEARCH.format(directory=directory, trials=trials))
    return path


def test_a_search_keeps_the_best_adapter_and_goes_on_where_it_stopped(
    search_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MetricsStorage(f"sqlite:///{tmp_path}/runs.db") as storage:
        tried: list[Recipe] = []

        def killed(plan, **options):  # type: ignore[no-untyped-def]
            tried.append(plan.recipe)
            if len(tried) == 2:
                raise KeyboardInterrupt
            return run(plan, **options)

        monkeypatch.setattr(tuning, "run", killed)
        with pytest.raises(KeyboardInterrupt):
            Search(search_file, storage=storage).run()
        best = Search(search_file, storage=storage).run()
        complete = [t for t in best.trials if t[1] == "complete"]
        assert len(complete) + sum(t[1] in ("fail", "pruned") for t in best.trials) >= 2
        again = Search(search_file, storage=storage).run()
        assert again.trials == best.trials
        adapter = read_adapter(best.adapter)
        assert storage.lineage.find(adapter.digest)
        recipe = load_recipe(best.recipe)
        assert recipe.lora.rank == best.changes["lora.rank"]
        assert recipe.train.learning_rate == best.changes["train.learning_rate"]
        assert recipe.digest == (adapter.manifest or {})["lineage"]["recipe_digest"]
        assert not list((tmp_path / "out").glob("trial-*"))


def test_a_field_that_no_recipe_has_is_named_before_anything_is_trained(
    search_file: Path,
) -> None:
    given = yaml.safe_load(search_file.read_text())
    given["space"] = {"train.learning_rat": [0.1]}
    search_file.write_text(yaml.safe_dump(given))
    with pytest.raises(ConfigError, match=r"no field 'train.learning_rat'"):
        Search(search_file)
    given["space"] = {"train.learning_rate": {"low": 1, "high": 0.5}}
    search_file.write_text(yaml.safe_dump(given))
    with pytest.raises(ConfigError, match=r"search.yaml:\d+: .*low 1 must be less than high 0.5"):
        Search(search_file)


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("lora.rank", [4, 8, "many"], "lora.rank: expected int, got 'many'"),
        (
            "lora.rank",
            {"low": 4, "high": 64},
            "lora.rank: expected int, got 4.0; `step: 1`",
        ),
        ("lora.dropout", {"low": 0, "high": 2}, "lora.dropout: expected .*, got 2"),
    ],
)
def test_a_value_that_a_later_trial_would_stumble_over_is_told_at_once(
    name: str, kind: object, message: str, search_file: Path
) -> None:
    given = yaml.safe_load(search_file.read_text())
    given["space"] = {name: kind}
    search_file.write_text(yaml.safe_dump(given))
    with pytest.raises(ConfigError, match=message):
        Search(search_file)


def test_a_range_of_whole_numbers_may_have_a_step(search_file: Path) -> None:
    given = yaml.safe_load(search_file.read_text())
    given["space"] = {"lora.rank": {"low": 4, "high": 64, "step": 4}}
    search_file.write_text(yaml.safe_dump(given))
    Search(search_file)


def test_a_recipe_without_a_validation_cannot_be_searched(
    search_file: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "train.yaml"
    lines = [line for line in recipe.read_text().splitlines() if not line.startswith("validate")]
    recipe.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="no trial could be judged"):
        Search(search_file)
