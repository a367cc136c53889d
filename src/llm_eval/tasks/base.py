"""What a task is: samples in, a prompt each, an answer out of the reply, and the scorers.

Evaluation and finetuning use the same `prompt`, so the two cannot drift apart.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from llm_eval.errors import ConfigError
from llm_eval.fingerprint import digest
from llm_eval.registry import unknown
from llm_eval.scorers.base import Scorer
from llm_eval.types import Message, ModelResponse, Prompt, Sample, Sampling

__all__ = ["Message", "Split", "Task"]

Split = Literal["train", "val", "test"]


class Task(ABC):
    """A named, versioned set of samples with its prompt and its scorers."""

    name: str
    version: int | str = 1
    scorers: Sequence[Scorer]
    sampling: Sampling = Sampling()
    """Defaults; the model's configuration and the command line override them."""
    on_parse_error: Literal["zero", "exclude"] = "zero"
    """Whether a reply that is no answer counts as `Metric.worst` or stays unscored."""
    splits: ClassVar[tuple[str, ...]] = ("test",)

    @abstractmethod
    def samples(self, split: str = "test") -> Iterator[Sample]:
        """The split's samples in their fixed order, read as they are asked for.

        Raises:
            DatasetError: a row cannot be read; names file, line and value.
        """

    def check_split(self, split: str) -> None:
        """Refuse a split that the task does not declare.

        Raises:
            ConfigError: there is none of this name; names those that there are.
        """
        if split not in self.splits:
            raise ConfigError(f"task {self.name!r}: {unknown('split', split, self.splits)}")

    @abstractmethod
    def prompt(self, sample: Sample) -> Prompt:
        """The conversation that asks for this sample's answer. Depends on nothing else."""

    def completion(self, sample: Sample) -> str:
        """The reply that a perfect model would give: what finetuning trains on.

        Raises:
            DatasetError: the sample has no target.
        """
        return str(sample.target)

    @abstractmethod
    def parse(self, sample: Sample, response: ModelResponse) -> Any:
        """The answer in the reply.

        Raises:
            ParseError: there is none; shows the beginning of the reply.
        """

    def json_schema(self, sample: Sample) -> Mapping[str, Any] | None:
        """The schema of this sample's answer, for runs that constrain the reply."""
        return None

    @property
    @abstractmethod
    def prompt_recipe(self) -> Mapping[str, Any]:
        """All that shapes a prompt besides the sample: instruction, template, few-shot choice."""

    @property
    def prompt_hash(self) -> str:
        """sha256 of `prompt_recipe`."""
        return digest(self.prompt_recipe)
