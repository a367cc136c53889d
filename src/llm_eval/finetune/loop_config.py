"""A loop's YAML: what is trained, what it is measured on, and what it must not break.

version: 1
name: json_smollm2
recipe: ../train/smollm2_json.yaml        # paths are relative to this file
evaluate:
  - {task: json, groups: [held_out]}      # the first: what the training is for
  - {task: qa}                            # the others: what it may have harmed
thresholds: json_smollm2.thresholds.yaml
output: .llm_eval/loops/json_smollm2
"""

from dataclasses import dataclass, replace
from os.path import normpath
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from llm_eval.errors import ConfigError
from llm_eval.yaml_source import decode, load_yaml

Name = Annotated[str, msgspec.Meta(pattern=r"^[\w.-]+$")]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Positive = Annotated[int, msgspec.Meta(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One task that base and tuned model are evaluated on, under the same settings."""

    task: Text
    """json, qa, a registered name, or the path of a task YAML."""
    split: Text = "test"
    limit: Positive | None = None
    """Only the first so many samples."""
    max_tokens: Positive | None = None
    """Longest reply; the task's own where left out."""
    groups: tuple[Text, ...] = ()
    """Labels of the samples that the report tells apart, such as `held_out`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopConfig:
    """The file, read."""

    version: Literal[1] = 1
    name: Name
    """Tags the runs, so that a loop that was stopped finds its own again."""
    recipe: Text
    """The training recipe's YAML."""
    evaluate: tuple[Measurement, ...]
    """The first is what the training is for; the others show what it harmed."""
    thresholds: Text
    """The gate's rules; each run of the tuned model is held against the base's."""
    output: Text | None = None
    """Directory of report, comparisons and model card; default: .llm_eval/loops/NAME."""
    seed: int = 0
    path: str = ""
    """Where it was read from."""

    def __post_init__(self) -> None:
        """Something must be measured, and each task once.

        Raises:
            ConfigError: nothing is, or a task twice.
        """
        tasks = [one.task for one in self.evaluate]
        if not tasks:
            raise ConfigError("evaluate: name at least the task that the training is for")
        if twice := next((task for task in tasks if tasks.count(task) > 1), None):
            raise ConfigError(f"evaluate: the task {twice!r} stands there twice")

    def resolve(self, path: str) -> Path:
        """`path` as the file means it: relative to the file's own directory."""
        return Path(normpath(Path(self.path).parent / path))

    @property
    def directory(self) -> Path:
        """Where the results go."""
        return Path(self.output or f".llm_eval/loops/{self.name}")


def load_loop(path: str | Path) -> LoopConfig:
    """Read and check a loop's file.

    Raises:
        ConfigError: it cannot be read or holds a mistake; names line and nearest right key.
    """
    source = load_yaml(path)
    given = decode(source, LoopConfig)
    for key in ("recipe", "thresholds"):
        file = Path(path).parent / getattr(given, key)
        if not file.is_file():
            raise source.error(f"{key}: there is no file {file}", key)
    return replace(given, path=str(path))
