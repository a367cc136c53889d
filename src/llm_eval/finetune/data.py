"""Training rows: the task's own prompts, each with the reply that a perfect model would give.

    Example(id="json-train-0001", prompt=(1, 9690, …), completion=(16, 476, …, 2))

Prompt and evaluation cannot drift apart: both are `task.prompt(sample)`, turned into tokens by the
same function. What is too long is left out and counted, never cut.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from llm_eval.data_check import text_of
from llm_eval.datasets.contamination import find_overlaps
from llm_eval.errors import ConfigError, DatasetError
from llm_eval.finetune.config import Data
from llm_eval.fingerprint import dataset_hash
from llm_eval.models.hf.prompting import prompt_tokens
from llm_eval.registry import unknown
from llm_eval.tasks.base import Task
from llm_eval.types import Sample

_HELD_OUT = ("val", "test")
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Example:
    """One row in tokens."""

    id: str
    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    """With the token that ends a reply, which the model has to learn too."""

    @property
    def n_tokens(self) -> int:
        """Prompt and completion together."""
        return len(self.prompt) + len(self.completion)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The rows that are learnt from, and what became of the others."""

    examples: tuple[Example, ...]
    dataset_hash: str
    """Over the samples that were chosen, in their order."""
    n_rows: int
    """Rows of the split that the slices leave."""
    n_too_long: int

    @property
    def n_tokens(self) -> int:
        """Of all examples together."""
        return sum(example.n_tokens for example in self.examples)

    @property
    def longest(self) -> int:
        """Tokens of the longest example."""
        return max(example.n_tokens for example in self.examples)

    def describe(self) -> str:
        """`200 of 1,334 rows, 113,010 tokens, longest 640; 12 longer rows left out`."""
        left = f"; {self.n_too_long:,} longer rows left out" if self.n_too_long else ""
        return (
            f"{len(self.examples):,} of {self.n_rows:,} rows, {self.n_tokens:,} tokens, "
            f"longest {self.longest:,}{left}"
        )


def training_data(task: Task, tokenizer: Any, data: Data, seed: int) -> TrainingData:
    """The rows of `data`, drawn by `seed`, in tokens.

    Raises:
        DatasetError: a row has no target, or gives away a held-out one.
        ConfigError: no row is left, or none has a slice that is named.
    """
    samples = _rows(task, data)
    random.Random(seed).shuffle(samples)  # noqa: S311 - which rows, not a secret
    chosen, n_too_long = _chosen(task, tokenizer, samples, data)
    if not chosen:
        raise ConfigError(
            f"all {len(samples):,} rows of split {data.split!r} are longer than data.max_tokens "
            f"{data.max_tokens:,}; raise it"
        )
    if data.check_contamination:
        check_contamination(task, [sample for sample, _ in chosen], data.split)
    return TrainingData(
        tuple(example for _, example in chosen),
        dataset_hash(sample for sample, _ in chosen),
        len(samples),
        n_too_long,
    )


def _chosen(
    task: Task, tokenizer: Any, samples: Iterable[Sample], data: Data
) -> tuple[list[tuple[Sample, Example]], int]:
    chosen: list[tuple[Sample, Example]] = []
    n_too_long = 0
    for sample in samples:
        if data.limit is not None and len(chosen) == data.limit:
            break
        example = encode(task, tokenizer, sample)
        if example.n_tokens > data.max_tokens:
            n_too_long += 1
        else:
            chosen.append((sample, example))
    return chosen, n_too_long


def encode(task: Task, tokenizer: Any, sample: Sample) -> Example:
    """One sample in tokens.

    Raises:
        DatasetError: it has no target to learn.
    """
    text = "" if sample.target in (None, "", [], {}) else task.completion(sample)
    if not text.strip():
        raise DatasetError(
            f"task {task.name!r}, row {sample.id!r}: the target is empty, so there is nothing to "
            f"learn from it; fill it in or take the row out"
        )
    completion = tokenizer(text, add_special_tokens=False)["input_ids"]
    return Example(
        sample.id,
        tuple(prompt_tokens(tokenizer, task.prompt(sample))),
        (*completion, tokenizer.eos_token_id),
    )


def _rows(task: Task, data: Data) -> list[Sample]:
    """Those of the split, or of the slices that are named."""
    samples = list(task.samples(data.split))
    if not samples:
        raise ConfigError(f"task {task.name!r} has no rows in split {data.split!r}")
    if not data.slices:
        return samples
    known = {sample.slice for sample in samples if sample.slice is not None}
    for name in data.slices:
        if name not in known:
            what = f"slice of task {task.name!r}, split {data.split!r}"
            raise ConfigError(f"data.slices: {unknown(what, name, known)}")
    return [sample for sample in samples if sample.slice in data.slices]


def check_contamination(task: Task, samples: Iterable[Sample], split: str) -> None:
    """Refuse rows that the held-out splits are given away by.

    Raises:
        DatasetError: names the rows.
    """
    seen = dict(_texts(samples, split))
    for held in _HELD_OUT:
        if held not in task.splits:
            continue
        overlaps = find_overlaps(seen, dict(_texts(task.samples(held), held)))
        if overlaps:
            named = ", ".join(f"{o.seen} gives away {o.held}" for o in overlaps[:_NAMED])
            raise DatasetError(
                f"task {task.name!r}: {len(overlaps)} rows of {held!r} are known from the "
                f"training rows ({named}); take them out, or set data.check_contamination: false"
            )


def _texts(samples: Iterable[Sample], split: str) -> Iterator[tuple[str, str]]:
    return ((f"{split}:{sample.id}", text_of(sample)) for sample in samples)
