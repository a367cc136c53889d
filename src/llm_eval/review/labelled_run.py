"""A judged run made from a file of labelled replies: no candidate is asked.

{"task": "qa", "split": "test", "rubric": "qa_correctness", "sample": "qa-test-0001",
 "item": "9f3c…", "reply": "…",
 "labels": [{"rater": "…", "created_at": "…", "levels": {"correctness": "wrong", …}}]}

The labels that ship with the project (data/labels) are such files: any judge can be calibrated on
them, wherever it runs. Rows without labels are replies that only the judge grades.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_eval.datasets.load import Row, load_rows
from llm_eval.errors import DatasetError, ProviderError
from llm_eval.evaluation import evaluate
from llm_eval.execution import Evaluation
from llm_eval.metrics.labels import Label, item_of
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.base import BaseModel
from llm_eval.scorers.base import Scorer
from llm_eval.scorers.rubric import Rubric, load_rubric
from llm_eval.tasks.base import Task
from llm_eval.tasks.build import build_task
from llm_eval.types import ModelResponse, Prompt, Sample, Sampling


@dataclass(frozen=True, slots=True)
class LabelledReplies:
    """A file of replies, read and matched with the samples that they are of."""

    name: str
    task: Task
    split: str
    rubric: Rubric
    rubric_name: str
    samples: Sequence[Sample]
    replies: Mapping[Prompt, str]
    labels: Sequence[Label]


def read_replies(path: Path) -> LabelledReplies:
    """The replies and labels in a file.

    Raises:
        DatasetError: there is no row, or one lacks something, is of a sample that is not there or
            has changed, or is the second of its sample.
        ConfigError: task, rubric or a level is none.
    """
    rows = list(load_rows(path))
    if not rows:
        raise DatasetError(f"{path} holds no replies")
    first = rows[0].values
    try:
        task, split = build_task(first["task"]), first.get("split", "test")
        rubric = load_rubric(first["rubric"])
    except KeyError as exc:
        raise DatasetError(f"{rows[0].place}: the row lacks {exc}") from exc
    by_id = {sample.id: sample for sample in task.samples(split)}
    samples = [_sample(row, by_id) for row in rows]
    pairs = list(zip(rows, samples, strict=True))
    _check_distinct(pairs)
    return LabelledReplies(
        name=f"replies/{path.name}",
        task=task,
        split=split,
        rubric=rubric,
        rubric_name=first["rubric"],
        samples=samples,
        replies={task.prompt(sample): row.values["reply"] for row, sample in pairs},
        labels=[label for row, sample in pairs for label in _labels(row, sample, rubric)],
    )


def judge_replies(
    found: LabelledReplies, judge_model: str, storage: MetricsStorage, **options: Any
) -> Evaluation:
    """A run of these replies, graded by `judge_model`; their labels are stored with it."""
    evaluation = evaluate(
        _OnlyLabelled(found),
        _Recorded(found),
        db=storage,
        judge_model=judge_model,
        rubric=found.rubric_name,
        split=found.split,
        **options,
    )
    storage.labels.put(found.labels)
    return evaluation


class _Recorded(BaseModel):
    """Says what was said before."""

    def __init__(self, found: LabelledReplies) -> None:
        self.name = found.name
        self._replies = found.replies

    @property
    def identity(self) -> Mapping[str, Any]:
        """The replies."""
        return {"provider": "recorded", "replies": list(self._replies.values())}

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """The recorded reply."""
        if messages not in self._replies:
            raise ProviderError("no reply to this prompt was recorded", code="not_recorded")
        return ModelResponse(self._replies[messages], self.name)


class _OnlyLabelled(Task):
    """A task, narrowed to the samples that a file holds replies to."""

    def __init__(self, found: LabelledReplies) -> None:
        inner = found.task
        self.name, self.version = inner.name, inner.version
        self.scorers: Sequence[Scorer] = inner.scorers
        self.sampling, self.on_parse_error = inner.sampling, inner.on_parse_error
        self._inner, self._samples = inner, found.samples

    def samples(self, split: str = "test") -> Iterator[Sample]:
        """Those of the file."""
        return iter(self._samples)

    def prompt(self, sample: Sample) -> Prompt:
        """The task's."""
        return self._inner.prompt(sample)

    def parse(self, sample: Sample, response: ModelResponse) -> Any:
        """As the task does."""
        return self._inner.parse(sample, response)

    @property
    def prompt_recipe(self) -> Mapping[str, Any]:
        """The task's."""
        return self._inner.prompt_recipe


def _sample(row: Row, by_id: Mapping[str, Sample]) -> Sample:
    for name in ("sample", "item", "reply"):
        if not isinstance(row.values.get(name), str):
            raise DatasetError(f"{row.place}: the row lacks {name!r}")
    sample = by_id.get(row.values["sample"])
    if sample is None:
        raise DatasetError(f"{row.place}: the task has no sample {row.values['sample']!r}")
    if item_of(sample.key, row.values["reply"]) != row.values["item"]:
        raise DatasetError(
            f"{row.place}: sample {sample.id!r} or the reply is not what was labelled: "
            f"question, reference or text changed since"
        )
    return sample


def _check_distinct(pairs: Sequence[tuple[Row, Sample]]) -> None:
    """A run has one reply to a sample: of two, one would be judged in the other's place."""
    seen: set[str] = set()
    for row, sample in pairs:
        if sample.key in seen:
            raise DatasetError(
                f"{row.place}: a second reply to sample {sample.id!r}; put it in another file"
            )
        seen.add(sample.key)


def _labels(row: Row, sample: Sample, rubric: Rubric) -> Iterator[Label]:
    given = row.values.get("labels", [])
    if not isinstance(given, list):
        raise DatasetError(f"{row.place}: labels must be a list, got {given!r}")
    for number, label in enumerate(given, start=1):
        try:
            yield _label(label, sample, row.values["item"], rubric)
        except (KeyError, ValueError, TypeError) as exc:
            raise DatasetError(
                f"{row.place}: label {number} needs rater, created_at, and levels of rubric "
                f"{rubric.name!r}: {exc}"
            ) from exc


def _label(given: Mapping[str, Any], sample: Sample, item: str, rubric: Rubric) -> Label:
    levels = given["levels"]
    positions = {
        d.name: [level.name for level in d.levels].index(levels[d.name]) for d in rubric.dimensions
    }
    return Label(
        item=item,
        scale=rubric.scale,
        rater=given["rater"],
        sample_key=sample.key,
        created_at=given["created_at"],
        levels=positions,
        note=given.get("note", ""),
    )
