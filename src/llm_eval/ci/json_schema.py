"""JSON Schema of thresholds.yaml, made from the classes that read it.

Editors complete and check with it: `# yaml-language-server: $schema=thresholds.schema.json`.
`python -m llm_eval.ci.json_schema > configs/thresholds.schema.json` writes it.
"""

import json
import sys
from typing import Any

import msgspec

from llm_eval.ci.rules import KINDS, Defaults

_EXPRESSION = (
    r"^\s*[<>]=\s*(baseline\s*[-+*]\s*)?[0-9.]+([eE][-+]?[0-9]+)?%?\s*$"  # as simple_form reads it
)
_SHORT = {
    "type": "string",
    "pattern": _EXPRESSION,
    "description": "The short form: '>= 0.85', '<= 2', '>= baseline - 0.02', '<= baseline * 1.2'.",
}


def schema() -> dict[str, Any]:
    """The schema; draft 2020-12."""
    _, parts = msgspec.json.schema_components(
        [*KINDS.values(), Defaults], ref_template="#/$defs/{name}"
    )
    definitions = {name: _closed(part) for name, part in sorted(parts.items())}
    rules = [{"$ref": f"#/$defs/{kind.__name__}"} for kind in KINDS.values()]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "llm-eval thresholds",
        "description": "Rules that `llm-eval gate` holds against a run.",
        "type": "object",
        "minProperties": 1,
        "properties": {
            "version": {"const": 1},
            "baseline": {
                "type": "string",
                "minLength": 1,
                "description": "Run, promoted baseline, or FILE.json[#NAME] relative to this file.",
            },
            "allow": {
                "type": "array",
                "items": {"enum": ["prompt", "task_version"]},
                "description": "Fields of the recipe that may differ from the baseline's.",
            },
            "require": {
                "type": "object",
                "description": "Fields of the run's recipe that must have these values.",
            },
            "tasks": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "description": "Further tasks that rules are about.",
            },
            "defaults": {"$ref": "#/$defs/Defaults"},
            "gates": {"type": "array", "items": {"oneOf": rules}},
        },
        "additionalProperties": _SHORT,
        "$defs": definitions,
    }


def text() -> str:
    """The schema as the file has it."""
    return json.dumps(schema(), indent=2) + "\n"


def _closed(part: dict[str, Any]) -> dict[str, Any]:
    """An unknown key is a mistake."""
    return {**part, "additionalProperties": False}


if __name__ == "__main__":
    sys.stdout.write(text())
