"""JSON Schemas of what is asked of a document.

>>> record(due=day("Last day to pay"))
{'type': 'object', 'properties': {'due': {'type': 'string', 'description': 'Last day …
"""

from collections.abc import Sequence
from typing import Any

from llm_eval.datasets.generate.locales import SYMBOLS

Schema = dict[str, Any]


def record(**properties: Schema) -> Schema:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def listed(item: Schema, description: str = "") -> Schema:
    """A list, in the order of the document."""
    return _described({"type": "array", "items": item}, description)


def text(description: str = "") -> Schema:
    """A string as the document writes it."""
    return _described({"type": "string"}, description)


def number(description: str = "") -> Schema:
    """A number that may have a fraction."""
    return _described({"type": "number"}, description)


def integer(description: str = "") -> Schema:
    """A whole number."""
    return _described({"type": "integer"}, description)


def flag(description: str) -> Schema:
    """True or false."""
    return {"type": "boolean", "description": description}


def day(description: str = "") -> Schema:
    """A date in ISO 8601."""
    return text(f"{description}; ISO date YYYY-MM-DD" if description else "ISO date YYYY-MM-DD")


def choice(options: Sequence[str], description: str = "") -> Schema:
    """One of some words."""
    return _described({"type": "string", "enum": list(options)}, description)


def currency() -> Schema:
    """A currency."""
    return choice(list(SYMBOLS), "ISO 4217 code")


def optional(schema: Schema) -> Schema:
    """`schema`, or null where the document does not say."""
    found = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        found["enum"] = [*schema["enum"], None]
    return found


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description} if description else schema
