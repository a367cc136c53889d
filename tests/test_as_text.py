"""Values as text: what stands in messages, reports and a judge's prompt."""

import pytest

from llm_eval.as_text import as_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Paris", "Paris"),
        ("", ""),
        ("half \ud83d", "half \ud83d"),
        ({"b": 1, "a": [None, True]}, '{"b":1,"a":[null,true]}'),
        (2**70, "1180591620717411303424"),
        (["half \ud83d"], r'["half \ud83d"]'),
        (None, "null"),
    ],
)
def test_a_text_stays_and_anything_else_is_json(value: object, text: str) -> None:
    assert as_text(value) == text
