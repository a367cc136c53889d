"""A recipe whose parts are there and whose rows are read: everything that can be refused, is.

>>> plan = prepare_training(load_recipe("configs/train/smollm2_json.yaml"))
>>> plan.n_steps, plan.data.describe(), plan.memory.n_bytes
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from llm_eval.errors import ConfigError
from llm_eval.finetune.config import Recipe
from llm_eval.finetune.data import TrainingData, training_data
from llm_eval.finetune.memory import Memory, check_memory, expected_memory, free_memory, shape_of
from llm_eval.finetune.ranks import is_sharded, n_processes
from llm_eval.finetune.setup import Setup, choose
from llm_eval.finetune.validation import Validator
from llm_eval.models.adapter_files import AdapterFiles, read_adapter
from llm_eval.models.hf.base import base_digest, check_base, load_tokenizer
from llm_eval.models.hf.checkpoint import checkpoint
from llm_eval.tasks.base import Task
from llm_eval.tasks.build import build_task

_PACKAGES = {
    "tensorboard": "tensorboard",
    "wandb": "'llm-eval[wandb]'",
    "mlflow": "'llm-eval[mlflow]'",
}


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What will be trained; nothing is trained yet."""

    recipe: Recipe
    path: Path
    """The base's directory."""
    base: dict[str, str]
    """Its name and digest."""
    task: Task
    tokenizer: Any
    data: TrainingData
    validator: Validator | None
    setup: Setup
    memory: Memory
    """Expected peak."""
    parent: AdapterFiles | None

    @property
    def steps_an_epoch(self) -> int:
        """Optimiser steps in which every row is seen once."""
        config = self.recipe.train
        return ceil(len(self.data.examples) / (config.batch * config.accumulate * n_processes()))

    @property
    def n_steps(self) -> int:
        """Optimiser steps in all."""
        config = self.recipe.train
        whole = ceil(self.steps_an_epoch * config.epochs)
        return min(whole, config.max_steps or whole)

    @property
    def work(self) -> Path:
        """Where checkpoints lie until the adapter is whole."""
        output = self.recipe.output_directory
        return output.with_name(f".{output.name}.training")

    @property
    def origin(self) -> dict[str, str | None]:
        """All that decides what the adapter becomes, by digest: another origin, another adapter."""
        return {
            "recipe": self.recipe.digest,
            "rows": self.data.dataset_hash,
            "prompts": self.task.prompt_hash,
            "base": self.base["digest"],
            "parent": None if self.parent is None else self.parent.digest,
        }

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is otherwise than somebody might think."""
        if self.tokenizer.chat_template is not None:
            return self.setup.fallbacks
        plain = "the base has no chat template: prompts are plain text, as when it is evaluated"
        return (*self.setup.fallbacks, plain)

    @property
    def free_memory(self) -> float:
        """Bytes that a training may take now on its device."""
        return free_memory(self.setup.device)

    def check_memory(self) -> None:
        """Refuse what cannot fit the memory that is free now.

        Raises:
            ConfigError: as said; names what to change.
        """
        check_memory(self.memory, self.free_memory, self.recipe, self.setup)


def origin_of(adapter: AdapterFiles) -> dict[str, str | None]:
    """The origin that an adapter's manifest tells, as `TrainingPlan.origin`."""
    manifest = adapter.manifest or {}
    lineage: Mapping[str, Any] = manifest.get("lineage") or {}
    return {
        "recipe": lineage.get("recipe_digest"),
        "rows": lineage.get("dataset_hash"),
        "prompts": lineage.get("prompt_hash"),
        "base": adapter.base_digest,
        "parent": lineage.get("parent"),
    }


def prepare_training(recipe: Recipe) -> TrainingPlan:
    """Build and check everything that a recipe names.

    Raises:
        ConfigError: something cannot be used.
        DatasetError: a row has nothing to learn, or gives away a held-out one.
    """
    task = build_task(recipe.task)  # first: a base may have to be fetched and converted
    path = checkpoint(recipe.base)
    tokenizer = load_tokenizer(path)
    if tokenizer.eos_token_id is None:
        raise ConfigError(f"model {recipe.base!r}: its tokenizer has no token that ends a reply")
    _check_libraries(recipe)
    config, setup = recipe.validate, choose(recipe.train)
    data = training_data(task, tokenizer, recipe.data, recipe.seed)
    return TrainingPlan(
        recipe,
        path,
        {"name": path.name, "digest": base_digest(path)},
        task,
        tokenizer,
        data,
        None if config is None else Validator(task, config, tokenizer),
        setup,
        expected_memory(shape_of(path, recipe), recipe, setup, data.longest),
        None if recipe.parent is None else check_base(read_adapter(recipe.parent), path),
    )


def _check_libraries(recipe: Recipe) -> None:
    """Refuse what this machine cannot do, before anything is read."""
    for tracker in recipe.report_to:
        if importlib.util.find_spec(tracker) is None:
            raise ConfigError(
                f"report_to: {tracker}: the library is missing: pip install {_PACKAGES[tracker]}"
            )
    if recipe.data.packing and importlib.util.find_spec("flash_attn") is None:
        raise ConfigError(
            "data.packing: without flash attention packed rows would read each other: "
            "pip install flash-attn, or leave it out"
        )
    if recipe.validate is not None and is_sharded():
        raise ConfigError(
            "validate: no process has the whole model under FSDP, so none can write replies; "
            "leave `validate` out and evaluate the adapter afterwards"
        )
