"""A value as people and models read it: a text as it is, anything else as JSON.

>>> as_text("Paris"), as_text({"total": 12.5})
('Paris', '{"total":12.5}')
"""

import json

import msgspec


def as_text(value: object) -> str:
    """`value` as text; keys stay in their order."""
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # half a surrogate pair, which Python's own module escapes
        return json.dumps(msgspec.to_builtins(value))
