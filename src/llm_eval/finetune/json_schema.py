"""JSON Schema of a training recipe, made from the classes that read it.

Editors complete and check with it: `# yaml-language-server: $schema=train.schema.json`.
`python -m llm_eval.finetune.json_schema > configs/train/train.schema.json` writes it.
"""

import ast
import inspect
import json
import sys
from typing import Any

import msgspec

from llm_eval.finetune.config import Data, Lora, Recipe, Training, Validation


def text() -> str:
    """The schema as the file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """The schema; draft 2020-12."""
    kinds = (Data, Lora, Recipe, Training, Validation)
    _, parts = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    definitions = {kind.__name__: _described(kind, parts[kind.__name__]) for kind in kinds}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "llm-eval training recipe",
        "$ref": "#/$defs/Recipe",
        "$defs": definitions,
    }


def _described(kind: type, part: dict[str, Any]) -> dict[str, Any]:
    """An unknown key is a mistake; each field is described as in the class."""
    told = field_docs(kind)
    properties = {
        name: {**given, "description": told[name]} if name in told else given
        for name, given in part["properties"].items()
    }
    return {**part, "properties": properties, "additionalProperties": False}


def field_docs(kind: type) -> dict[str, str]:
    """The string under each field of a class, on one line."""
    (body,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(body, ast.ClassDef)
    told = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            assert isinstance(field.target, ast.Name)
            told[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return told


if __name__ == "__main__":
    sys.stdout.write(text())
