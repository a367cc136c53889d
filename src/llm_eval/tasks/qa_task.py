"""Short-answer questions, with or without a text to answer from.

{"id": "qa-test-0001", "slice": "factual", "question": "What is the capital of Chile?",
 "context": null, "answers": ["Santiago"], "answer_type": "text", "evidence": ["…"],
 "held_out": false}
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from llm_eval.datasets.load import load_rows
from llm_eval.datasets.splits import split_file
from llm_eval.errors import DatasetError
from llm_eval.fingerprint import identify
from llm_eval.scorers.base import Scorer
from llm_eval.scorers.deterministic import ExactMatch, TokenF1
from llm_eval.tasks.base import Task
from llm_eval.tasks.reply import final_answer
from llm_eval.types import Message, ModelResponse, Prompt, Sample, Sampling

INSTRUCTION = (
    "Answer the question with the answer alone: a name, a number, a date or a few words. "
    "No sentence, no explanation."
)
TEMPLATE = "{context}Question: {question}\nAnswer:"


@dataclass(slots=True)
class QATask(Task):
    """Facts, reasoning with one computed answer, and questions that need several facts."""

    name: str = "qa"
    version: int | str = 1
    scorers: tuple[Scorer, ...] = (ExactMatch(), TokenF1())
    sampling: Sampling = Sampling(max_tokens=64)
    splits: ClassVar[tuple[str, ...]] = ("train", "val", "test")

    def samples(self, split: str = "test") -> Iterator[Sample]:
        """Rows of data/tasks/qa."""
        self.check_split(split)
        for place, row in load_rows(split_file("qa", split)):
            try:
                yield identify(
                    self.name,
                    row["id"],
                    {"question": row["question"], "context": row["context"]},
                    row["answers"],
                    slice=row["slice"],
                    groups={
                        "context": "yes" if row["context"] else "no",
                        "held_out": "yes" if row["held_out"] else "no",
                    },
                )
            except KeyError as exc:
                raise DatasetError(f"{place}: the row lacks {exc}") from exc

    def prompt(self, sample: Sample) -> Prompt:
        """Instruction, context where there is one, question."""
        context = sample.inputs["context"]
        text = TEMPLATE.format(
            context=f"Context:\n{context}\n\n" if context else "",
            question=sample.inputs["question"],
        )
        return (Message("system", INSTRUCTION), Message("user", text))

    def completion(self, sample: Sample) -> str:
        """The first accepted answer."""
        if not sample.target:
            raise DatasetError(f"sample {sample.id!r} has no accepted answer")
        return str(sample.target[0])

    def parse(self, sample: Sample, response: ModelResponse) -> str:
        """What follows `Answer:`, else the first line."""
        return final_answer(response)

    @property
    def prompt_recipe(self) -> Mapping[str, Any]:
        """Instruction and template."""
        return {"instruction": INSTRUCTION, "template": TEMPLATE}
