"""A search's YAML: which fields of a training recipe are tried, and how often.

recipe: ../train/smollm2_json.yaml
output: .llm_eval/tune/json_smollm2
trials: 12
space:
train.learning_rate: {low: 0.0002, high: 0.003, log: true}
lora.rank: [8, 16, 32]
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec

from llm_eval.errors import ConfigError
from llm_eval.yaml_source import decode, load_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Numbers from `low` to `high`."""

    low: float
    high: float
    log: bool = False
    """Whether factors count, not differences: for learning rates."""
    step: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no range.

        Raises:
            ConfigError: names the values.
        """
        if not self.low < self.high:
            raise ConfigError(f"low {self.low:g} must be less than high {self.high:g}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ConfigError("a log range begins above 0 and has no step")

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        numbers = (self.low, self.high, self.step)
        return self.step is not None and all(float(n or 0).is_integer() for n in numbers)


Choices = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneConfig:
    """The file, read."""

    recipe: Annotated[str, msgspec.Meta(min_length=1)]
    """The training recipe that is varied; relative to this file."""
    output: Annotated[str, msgspec.Meta(min_length=1)]
    """Directory of the study, the best adapter and its recipe."""
    trials: Annotated[int, msgspec.Meta(ge=1)]
    space: Mapping[str, Any]
    """Field of the recipe by its dotted name: a range, or a list of choices."""
    seed: int = 0
    path: str = ""

    def resolve(self, path: str) -> Path:
        """`path` as the file means it: relative to the file's own directory."""
        return Path(self.path).parent / path


def load_tuning(path: str | Path) -> tuple[TuneConfig, dict[str, Range | Choices]]:
    """Read and check a search; the file and its space.

    Raises:
        ConfigError: it cannot be read or holds a mistake; names the line.
    """
    source = load_yaml(path)
    config = replace(decode(source, TuneConfig), path=str(path))
    if not config.space:
        raise source.error("space: name at least one field of the recipe", "space")
    space: dict[str, Range | Choices] = {}
    for name, given in config.space.items():
        if isinstance(given, list) and given:
            space[name] = tuple(given)
        elif isinstance(given, dict):
            space[name] = decode(source, Range, "space", name, what=f"space of {name}")
        else:
            message = f"{name}: expected a list of choices or {{low: …, high: …}}"
            raise source.error(message, "space", name)
    return config, space
