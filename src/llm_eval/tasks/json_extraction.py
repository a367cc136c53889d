"""Extract structured data from a document.

{"id": "json-test-0001", "slice": "easy", "doc_type": "receipt", "held_out": false,
 "text": "CORNER SHOP …", "schema": {"type": "object", …}, "expected": {"total": 12.5}}
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from llm_eval.datasets.load import load_rows
from llm_eval.datasets.splits import split_file
from llm_eval.errors import DatasetError
from llm_eval.fingerprint import identify
from llm_eval.scorers.base import Scorer
from llm_eval.scorers.json_fields import JSONFields
from llm_eval.scorers.json_parse import ParsedJSON, parse_json
from llm_eval.tasks.base import Task
from llm_eval.tasks.schema_outline import outline
from llm_eval.types import Message, ModelResponse, Prompt, Sample, Sampling

INSTRUCTION = (
    "You extract data from documents. Reply with one JSON object that has exactly the given "
    "fields, and nothing else. Use null for what the document does not say."
)
TEMPLATE = "Document:\n{text}\n\nFields:\n{fields}\n\nJSON:"
EXAMPLE_TEXT = (
    "Parcel for Ana Lim, posted on 3 May 2024. It holds 2 mugs (item K-7) and 1 lamp (item B-12). "
    "Insured for $40, no longer for $25."
)
EXAMPLE_SCHEMA: Mapping[str, Any] = {
    "properties": {
        "recipient": {"type": "string", "description": "Person"},
        "posted": {"type": "string", "description": "ISO date YYYY-MM-DD"},
        "insured_usd": {"type": ["number", "null"]},
        "phone": {"type": ["string", "null"]},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"item": {"type": "string"}, "quantity": {"type": "integer"}},
            },
        },
    }
}
EXAMPLE_ANSWER: Mapping[str, Any] = {
    "recipient": "Ana Lim",
    "posted": "2024-05-03",
    "insured_usd": 40,
    "phone": None,
    "items": [{"item": "K-7", "quantity": 2}, {"item": "B-12", "quantity": 1}],
}


@dataclass(slots=True)
class JSONExtractionTask(Task):
    """Documents of many kinds, each with the JSON Schema of what is wanted from it."""

    name: str = "json"
    version: int | str = 1
    scorers: tuple[Scorer, ...] = (JSONFields(),)
    sampling: Sampling = Sampling(max_tokens=512)
    splits: ClassVar[tuple[str, ...]] = ("train", "val", "test")

    def samples(self, split: str = "test") -> Iterator[Sample]:
        """Rows of data/tasks/json_extraction."""
        self.check_split(split)
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
        """Instruction, one worked example, document and fields."""
        return (
            Message("system", INSTRUCTION),
            Message("user", _question(EXAMPLE_TEXT, EXAMPLE_SCHEMA)),
            Message("assistant", _json(EXAMPLE_ANSWER)),
            Message("user", _question(sample.inputs["text"], sample.inputs["schema"])),
        )

    def completion(self, sample: Sample) -> str:
        """The expected value as JSON."""
        return _json(sample.target)

    def parse(self, sample: Sample, response: ModelResponse) -> ParsedJSON:
        """The JSON in the reply."""
        return parse_json(response.text)

    def json_schema(self, sample: Sample) -> Mapping[str, Any]:
        """The row's schema."""
        schema: Mapping[str, Any] = sample.inputs["schema"]
        return schema

    @property
    def prompt_recipe(self) -> Mapping[str, Any]:
        """Instruction, template and example."""
        return {
            "instruction": INSTRUCTION,
            "template": TEMPLATE,
            "example": [_question(EXAMPLE_TEXT, EXAMPLE_SCHEMA), _json(EXAMPLE_ANSWER)],
        }


def _question(text: str, schema: Mapping[str, Any]) -> str:
    return TEMPLATE.format(text=text, fields=outline(schema))


def _json(value: Any) -> str:
    """As people write it, with blanks: tokens that models have seen most often."""
    return json.dumps(value, ensure_ascii=False)
