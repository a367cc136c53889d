"""A schema as lines that a small model can follow."""

from llm_eval.tasks.schema_outline import outline

ITEM = {"type": "object", "properties": {"sku": {"type": "string"}, "n": {"type": "integer"}}}


def test_each_field_is_a_line_with_its_type_and_meaning() -> None:
    schema = {
        "properties": {
            "due": {"type": ["string", "null"], "description": "ISO date"},
            "state": {"enum": ["open", "paid", None]},
            "any": {},
        }
    }
    assert outline(schema).splitlines() == [
        '- "due": string or null (ISO date)',
        '- "state": "open" or "paid" or null',
        '- "any": anything',
    ]


def test_inner_fields_are_indented() -> None:
    schema = {"properties": {"items": {"type": "array", "items": ITEM}, "one": ITEM}}
    assert outline(schema).splitlines() == [
        '- "items": list of object',
        '  - "sku": string',
        '  - "n": integer',
        '- "one": object',
        '  - "sku": string',
        '  - "n": integer',
    ]
