"""A JSON Schema as a list of fields that people and small models can read.

    {"properties": {"due": {"type": ["string", "null"], "description": "ISO date"}}}
    →  - "due": string or null (ISO date)

Shown the schema itself, a small model repeats the schema; the outline is also a third shorter.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def outline(schema: Mapping[str, Any]) -> str:
    """One line for each field of an object's schema; fields of inner objects are indented."""
    return "\n".join(_fields(schema, ""))


def _fields(schema: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        description = field.get("description")
        told = f" ({description})" if description else ""
        yield f"{indent}- {json.dumps(name, ensure_ascii=False)}: {_type(field)}{told}"
        yield from _fields(_innermost(field), f"{indent}  ")


def _type(field: Mapping[str, Any]) -> str:
    """`string`, `list of object`, `"paid" or "open" or null`."""
    if "enum" in field:
        return " or ".join(json.dumps(value, ensure_ascii=False) for value in field["enum"])
    types = field.get("type", "anything")
    names = [types] if isinstance(types, str) else list(types)
    return " or ".join(_named(name, field) for name in names)


def _named(name: str, field: Mapping[str, Any]) -> str:
    return f"list of {_type(field.get('items', {}))}" if name == "array" else name


def _innermost(field: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of what a list, or a list of lists, holds; the field itself if it is no list."""
    while "items" in field:
        field = field["items"]
    return field
