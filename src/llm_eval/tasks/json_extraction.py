"""Extract structured data from a document.

{"id": "json-test-0001", "slice": "easy", "doc_type": "receipt", "held_out": false,
 "text": "CORNER SHOP …", "schema": {"type": "object", …}, "expected": {"total": 12.5}}
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from llm_eval.datasets.load import load_rows
from llm_eval.datasets.splits import split_file
from llm_eval.errors import DatasetError
from llm_eval.fingerprint import identify
from llm_eval.scorers.base import Scorer
from llm_eval.scorers.json_fields import JSONFields
from llm_eval.scorers.json_parse import ParsedJSON, parse_json
from llm_eval.tasks.base import Task
from llm_eval.types import Message, ModelResponse, Prompt, Sample, Sampling

INSTRUCTION = (
    "You extract data from documents. Reply with one JSON object that follows the given JSON "
    "Schema, and nothing else. Use null for what the document does not say."
)
TEMPLATE = "JSON Schema:\n{schema}\n\nDocument:\n{text}\n\nJSON:"


@dataclass(slots=True)
class JSONExtractionTask(Task):
    """Documents of many kinds, each with the JSON Schema of what is wanted from it."""

    name: str = "json"
    version: int | str = 1
    scorers: tuple[Scorer, ...] = (JSONFields(),)
    sampling: Sampling = Sampling(max_tokens=768)
    splits: ClassVar[tuple[str, ...]] = ("train", "val", "test")

    def samples(self, split: str = "test") -> Iterator[Sample]:
        """Rows of data/tasks/json_extraction."""
        for place, row in load_rows(split_file("json_extraction", split)):
            try:
                yield identify(
                    self.name,
                    row["id"],
                    {"text": row["text"], "schema": row["schema"]},
                    row["expected"],
                    slice=row["slice"],
                    groups={
                        "doc_type": row["doc_type"],
                        "held_out": "yes" if row["held_out"] else "no",
                    },
                )
            except KeyError as exc:
                raise DatasetError(f"{place}: the row lacks {exc}") from exc

    def prompt(self, sample: Sample) -> Prompt:
        """Instruction, schema, document."""
        schema = msgspec.json.encode(sample.inputs["schema"]).decode()
        text = TEMPLATE.format(schema=schema, text=sample.inputs["text"])
        return (Message("system", INSTRUCTION), Message("user", text))

    def completion(self, sample: Sample) -> str:
        """The expected value as JSON."""
        return msgspec.json.encode(sample.target).decode()

    def parse(self, sample: Sample, response: ModelResponse) -> ParsedJSON:
        """The JSON in the reply."""
        return parse_json(response.text)

    def json_schema(self, sample: Sample) -> Mapping[str, Any]:
        """The row's schema."""
        schema: Mapping[str, Any] = sample.inputs["schema"]
        return schema

    @property
    def prompt_recipe(self) -> Mapping[str, Any]:
        """Instruction and template."""
        return {"instruction": INSTRUCTION, "template": TEMPLATE}
