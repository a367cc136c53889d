"""A training recipe: YAML with everything that decides what the adapter becomes.

base: smollm2-135m
task: json
output: data/lora_adapters/json_smollm2
data: {slices: [easy, medium], max_tokens: 640, limit: 200}
lora: {rank: 16, alpha: 32}
train: {epochs: 1, batch: 4, learning_rate: 0.001}
validate: {metric: field_f1, every: 25, limit: 30}
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from llm_eval.errors import ConfigError
from llm_eval.fingerprint import digest
from llm_eval.yaml_source import decode, load_yaml

Text = Annotated[str, msgspec.Meta(min_length=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Quantization = Literal["auto", "4bit", "none"]
Optimizer = Literal["auto", "paged_adamw_8bit", "adamw_torch", "adamw_torch_fused", "sgd"]
Scheduler = Literal["cosine", "linear", "constant", "constant_with_warmup"]
Tracker = Literal["tensorboard", "wandb", "mlflow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Which rows are learnt from."""

    split: Text = "train"
    slices: tuple[Text, ...] = ()
    """Only rows of these slices; all where left out."""
    max_tokens: Count = 1024
    """The longest prompt and reply together; longer rows are left out and counted, never cut."""
    limit: Count | None = None
    """So many rows, drawn by the seed from those that are left; all where left out."""
    packing: bool = False
    """Join short rows into sequences of `max_tokens`; needs flash attention to keep them apart."""
    check_contamination: bool = True
    """Refuse to train on rows that give away the validation or test split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """Shape of the adapter (Hu et al. 2021, arXiv 2106.09685)."""

    rank: Count = 16
    alpha: Count = 32
    """The update is scaled by alpha / rank."""
    dropout: Share = 0.0
    targets: Literal["all-linear"] | tuple[Text, ...] = "all-linear"
    """Names of the layers that get one, or all linear layers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How the adapter is trained."""

    epochs: Positive = 1.0
    max_steps: Count | None = None
    """Stop after so many optimiser steps."""
    batch: Count = 4
    """Rows a step and device."""
    accumulate: Count = 1
    """Batches whose gradients make one step."""
    learning_rate: Positive = 2e-4
    scheduler: Scheduler = "cosine"
    warmup: Share = 0.05
    """Share of the steps in which the rate rises from 0."""
    weight_decay: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    clip: Positive = 1.0
    """Largest norm of the gradient."""
    optimizer: Optimizer = "auto"
    """auto: paged 8-bit AdamW on a GPU with bitsandbytes, else plain AdamW."""
    quantization: Quantization = "auto"
    """Of the frozen base. auto: 4-bit NF4, doubly quantised, on a GPU with bitsandbytes
    (Dettmers et al. 2023, arXiv 2305.14314); else none."""
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    """auto: bfloat16 where the device multiplies it natively."""
    gradient_checkpointing: bool | None = None
    """Compute activations twice to keep few; default: on a GPU."""
    save_every: Count = 50
    """Steps between checkpoints, from which a killed training goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Evaluation by the task's own scorers while it is trained."""

    metric: Text
    """Of the task; its best value decides which state of the adapter is kept."""
    split: Text = "val"
    every: Count | None = None
    """Steps between two validations; default: once an epoch."""
    limit: Count | None = None
    max_tokens: Count = 256
    """Longest reply."""
    patience: Count | None = None
    """Stop after so many validations without a better value."""
    min_delta: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """By how much a value must be better to count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The file, read."""

    base: Text
    """Directory of a checkpoint, or the name of an embedded model."""
    task: Text
    """json, qa, a registered name, or the path of a task YAML."""
    output: Text
    """Directory of the adapter."""
    parent: Text | None = None
    """Directory of an adapter to go on from."""
    data: Data = Data()
    lora: Lora = Lora()
    train: Training = Training()
    validate: Validation | None = None
    seed: int = 0
    report_to: tuple[Tracker, ...] = ()
    """The trainer's own hooks to these; nothing is sent anywhere unless named here."""

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            ConfigError: the best state would be chosen on rows that are learnt from or tested on,
                or the parent's shape is given twice.
        """
        chosen_on = self.validate.split if self.validate else None
        if chosen_on == "test":
            raise ConfigError(
                "validate.split: test: the best state would be chosen on the very rows that tell "
                "how good it is; use val"
            )
        if chosen_on == self.data.split:
            raise ConfigError(
                f"validate.split: {chosen_on}: the adapter is trained on it; use another"
            )
        if self.parent is not None and self.lora != Lora():
            raise ConfigError("lora: `parent` has its shape already; leave out one of the two")

    @property
    def digest(self) -> str:
        """sha256 of all that decides what the adapter becomes: not where it goes."""
        return digest({f.name: getattr(self, f.name) for f in fields(self) if f.name not in PLACES})

    @property
    def output_directory(self) -> Path:
        """Where the adapter goes."""
        return Path(self.output)


PLACES = ("output", "report_to")
"""Fields that do not decide what the adapter becomes."""


def load_recipe(path: str | Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        ConfigError: it cannot be read or holds a mistake; names line and nearest right key.
    """
    return decode(load_yaml(path), Recipe)


def overridden(recipe: Recipe, **changes: Any) -> Recipe:
    """The recipe with other values, given by dotted name: `{"train.max_steps": 5}`.

    Raises:
        ConfigError: there is no such field, or it does not take the value.
    """
    plain = msgspec.to_builtins(recipe)
    for name, value in changes.items():
        *above, last = name.split(".")
        part = plain
        for step in above:
            part = part.get(step) if isinstance(part, dict) else None
        if not isinstance(part, dict) or last not in part:
            raise ConfigError(f"a training recipe has no field {name!r}")
        part[last] = msgspec.to_builtins(value)
    try:
        return msgspec.convert(plain, Recipe)
    except msgspec.ValidationError as exc:
        message, _, place = str(exc).partition(" - at `$.")
        name = place.rstrip("`")
        expected = message.partition(", got ")[0].replace("`", "").lower()
        raise ConfigError(f"{name}: {expected}, got {changes.get(name)!r}") from exc
