"""Training rows: the task's own prompts, whole, and none that gives a test row away."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from llm_eval.errors import ConfigError, DatasetError
from llm_eval.finetune.config import Data
from llm_eval.finetune.data import encode, training_data
from llm_eval.fingerprint import identify
from llm_eval.grading import grade
from llm_eval.models.hf.base import load_tokenizer
from llm_eval.models.hf.prompting import prompt_tokens
from llm_eval.tasks.base import Task
from llm_eval.tasks.build import build_task
from llm_eval.testing.tiny_model import make_tiny_model
from llm_eval.types import ModelResponse, Sample, Score


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_tokenizer(make_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@dataclass(slots=True)
class Rows:
    """A task whose splits are given, with the prompt and scorers of `qa`."""

    splits_given: dict[str, Sequence[tuple[str, str]]]

    def task(self) -> Task:
        base = build_task("qa")
        given = self.splits_given

        class Given(type(base)):  # type: ignore[misc]
            splits = tuple(given)

            def samples(self, split: str = "test") -> Iterator[Sample]:
                for n, (question, answer) in enumerate(given[split]):
                    inputs = {"question": question, "context": None}
                    target = [answer] if answer else []
                    yield identify("qa", f"{split}-{n}", inputs, target, slice="x")

        return Given()


LONG = (
    "Which of the many rivers that flow through the old town of Bern has the longest name of all {}"
)


@pytest.mark.parametrize("name", ["json", "qa"])
def test_what_is_learnt_is_the_reply_that_scores_best(name: str, tokenizer: Any) -> None:
    task = build_task(name)
    for sample in list(task.samples("train"))[:40]:
        example = encode(task, tokenizer, sample)
        text = tokenizer.decode(example.completion, skip_special_tokens=True)
        graded = asyncio.run(grade(task, sample, ModelResponse(text, "")))
        best = {m.name: m.best for scorer in task.scorers for m in scorer.metrics}
        for score in graded.scores:
            assert isinstance(score, Score)
            assert score.value == best[score.metric], (sample.id, score.metric, text)


def test_the_prompt_is_the_one_that_is_evaluated_and_the_end_is_learnt(tokenizer: Any) -> None:
    task = build_task("json")
    sample = next(iter(task.samples("train")))
    example = encode(task, tokenizer, sample)
    assert list(example.prompt) == prompt_tokens(tokenizer, task.prompt(sample))
    assert example.completion[-1] == tokenizer.eos_token_id


def test_rows_that_are_too_long_are_left_out_whole_and_counted(tokenizer: Any) -> None:
    task = build_task("json")
    config = Data(slices=("easy",), max_tokens=1200, check_contamination=False)
    found = training_data(task, tokenizer, config, seed=0)
    assert found.longest <= 1200
    assert found.n_too_long + len(found.examples) == found.n_rows == 667
    assert found.n_too_long > 0
    assert "longer rows left out" in found.describe()


def test_the_seed_decides_which_rows(tokenizer: Any) -> None:
    task = build_task("qa")
    config = Data(limit=10, check_contamination=False)
    one, again, other = (training_data(task, tokenizer, config, seed) for seed in (1, 1, 2))
    assert one == again
    assert one.dataset_hash != other.dataset_hash


def test_a_row_without_a_target_is_named(tokenizer: Any) -> None:
    task = Rows({"train": [("What is 1 + 1?", "2"), ("And 2 + 2?", "")]}).task()
    with pytest.raises(DatasetError, match="row 'train-1': the target is empty"):
        training_data(task, tokenizer, Data(), seed=0)


def test_training_on_what_is_tested_is_refused(tokenizer: Any) -> None:
    task = Rows(
        {
            "train": [(LONG.format("today?"), "Aare"), ("What is 1 + 1?", "2")],
            "test": [(LONG.format("today, I ask?"), "Aare")],
        }
    ).task()
    with pytest.raises(DatasetError, match="train:train-0 gives away test:test-0"):
        training_data(task, tokenizer, Data(), seed=0)
    config = replace(Data(), check_contamination=False)
    assert len(training_data(task, tokenizer, config, seed=0).examples) == 2


@pytest.mark.parametrize("split", ["val", "test"])
def test_training_on_a_held_out_split_itself_is_refused(tokenizer: Any, split: str) -> None:
    with pytest.raises(DatasetError, match=f"rows of '{split}' are known from the training rows"):
        training_data(build_task("qa"), tokenizer, Data(split=split), seed=0)


def test_nothing_to_learn_from_is_said(tokenizer: Any) -> None:
    with pytest.raises(ConfigError, match=r"unknown slice of task .*'train' 'nonsense'; known"):
        training_data(build_task("qa"), tokenizer, Data(slices=("nonsense",)), seed=0)
    with pytest.raises(ConfigError, match=r"longer than data.max_tokens 5; raise it"):
        training_data(build_task("qa"), tokenizer, Data(max_tokens=5), seed=0)


def test_the_packaged_recipes_can_be_read() -> None:
    from llm_eval.finetune.config import load_recipe

    for path in (Path(__file__).parents[2] / "configs/train").glob("*.yaml"):
        assert load_recipe(path).output.startswith("data/lora_adapters/")


def test_editors_check_recipes_by_the_schema_that_reads_them() -> None:
    import jsonschema_rs
    import yaml

    from llm_eval.finetune import json_schema

    train = Path(__file__).parents[2] / "configs/train"
    assert (train / "train.schema.json").read_text() == json_schema.text(), (
        "write it anew: python -m llm_eval.finetune.json_schema > configs/train/train.schema.json"
    )
    validator = jsonschema_rs.validator_for(json_schema.schema())
    for path in train.glob("*.yaml"):
        assert validator.is_valid(yaml.safe_load(path.read_text())), path
    assert not validator.is_valid({"base": "x", "task": "qa", "output": "y", "lara": {}})
