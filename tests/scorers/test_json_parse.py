"""JSON out of replies: what is taken, what is refused, and that no text takes long."""

import contextlib
import json
import math
import string
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_eval.errors import ParseError
from llm_eval.scorers.json_parse import MAX_CHARS, MAX_DEPTH, ParsedJSON, parse_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.text(max_size=8)
    # Whole exponents: what Python writes, it reads back.
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
PROSE = st.text(string.ascii_letters + " .,:'\n", max_size=30)


def refused(text: str) -> str:
    with pytest.raises(ParseError) as caught:
        parse_json(text)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 250
    return message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        (" \n[1, 2]\n", [1, 2]),
        ("42", 42),
        ("null", None),
        ('"text"', "text"),
        ('{"code": "```json\\n{}\\n```"}', {"code": "```json\n{}\n```"}),
        ('{"thought": "<think>x</think>"}', {"thought": "<think>x</think>"}),
    ],
)
def test_a_reply_that_is_one_value_is_strict(text: str, value: Any) -> None:
    assert parse_json(text) == ParsedJSON(value, strict=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('Sure! {"a": 1}', {"a": 1}),
        ('{"a": 1}\nHope this helps [sic].', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('```\r\n{"a": 1}\r\n```', {"a": 1}),
        ('```json {"a": 1}```', {"a": 1}),
        ('```json\n{"a": 1}', {"a": 1}),
        ("```json\n7\n```", 7),
        ('Draft {"a": 1}, final {"a": 2}', {"a": 2}),
        ('```json\n{"a": 1}\n```\nBetter:\n```json\n{"a": 2}\n```', {"a": 2}),
        ('```json\n{"a": 1}\n```\nwhich is not {"a": 2}.', {"a": 1}),
        ('```json\n{"a": 1}\n```\n```python\nprint(x)\n```', {"a": 1}),
        ('{"outer": {"inner": 1}} done', {"outer": {"inner": 1}}),
        ('{"a": "}{"} and', {"a": "}{"}),
        ('<think>{"a": 1}</think>{"a": 2}', {"a": 2}),
        ('<thinking>```json\n{"a": 1}\n```</thinking>\nso {"a": 2}', {"a": 2}),
        ('Given f(x) = {x | x > 0} and [see note]: {"a": 1}', {"a": 1}),
        ("if (a[i] < b[j]) { swap(); } " * 200 + '{"a": 1}', {"a": 1}),
        ('{"a": 1, "a": 2} no: {"a": 3}', {"a": 3}),
        ('{"a": NaN} no: {"a": 3}', {"a": 3}),
        ("{'a': 1} in Python is {\"a\": 1}", {"a": 1}),
    ],
)
def test_out_of_prose_the_last_fenced_else_outermost_value_is_taken(text: str, value: Any) -> None:
    assert parse_json(text) == ParsedJSON(value, strict=False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON in the reply: ''"),
        ("   \n", "no JSON"),
        ("I cannot do that.", "no JSON in the reply: 'I cannot do that.'"),
        ("{'a': 1}", "no JSON"),
        ('<think>{"a": 1}', "no JSON"),
        ('{"a": 1', "cut off"),
        ('{"a": "no end', "cut off"),
        ('{"items": [{"a": 1}, {"a": 2', "cut off"),
        ('{"a": [{"b": 1}], ', "cut off"),
        ('Draft {"a": 1}, final {"a": 2, "b": ', "cut off"),
        ('```json\n{"items": [{"a": 1}, {"a"', "cut off"),
        ('{"a": 1, "a": 2}', "key 'a' stands twice"),
        ('{"x": {"b": 1}, "a": 1, "a": 2}', "key 'a' stands twice"),
        ('{"x": {"a": 1, "a": 2}}', "key 'a' stands twice"),
        ('Here: {"a": 1} or {"x": [{"b": 1}], "a": 1, "a": 2}', "key 'a' stands twice"),
        ('```json\n{"a": 1}\n```\n```json\n{"a": 1, "a": 2}\n```', "key 'a' stands twice"),
        ('{"a": NaN}', "NaN"),
        ("[1, Infinity]", "Infinity"),
        ("-Infinity", "-Infinity"),
        ('{"a": 1e999}', "1e999"),
        ('{"a": ' + "9" * 5000 + "}", "digits"),
        ('Here is {"a": ' + "9" * 5000 + ', "b": {"c": 1}}', "digits"),
    ],
)
def test_what_is_no_answer_says_why_and_shows_the_beginning(text: str, why: str) -> None:
    assert why in refused(text)


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 500, 990, 10_000, 200_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("around", ["", "Here: "])
def test_deep_nesting_is_refused_without_a_recursion_error(
    depth: int, opening: str, closing: str, around: str
) -> None:
    if len(opening) * depth < MAX_CHARS:
        refused(around + opening * depth + "1" + closing * depth)
        refused(around + opening * depth)


def test_nesting_up_to_the_limit_is_read() -> None:
    text = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert parse_json(text).strict
    assert not parse_json(f"Here: {text}").strict


def test_a_reply_of_over_a_million_characters_is_refused() -> None:
    assert "at most 1,000,000 are read" in refused(" " * (MAX_CHARS + 1))


@pytest.mark.parametrize(
    "text",
    [
        "[" * MAX_CHARS,
        '{"' * (MAX_CHARS // 2),
        '["' * (MAX_CHARS // 2),
        '{"a":' * (MAX_CHARS // 5),
        "[1," * (MAX_CHARS // 3),
        "[" + "1," * (MAX_CHARS // 2 - 1),
        "[1x" * (MAX_CHARS // 3),
        "[" + " " * (MAX_CHARS - 1),
        "```" + " " * (MAX_CHARS - 3),
        "```\n" * (MAX_CHARS // 4),
        "<think>" * (MAX_CHARS // 7),
        '{"a": "' + "\\" * (MAX_CHARS - 8),
        "9" * MAX_CHARS,
        "{}" * (MAX_CHARS // 2),
        "[" + "0," * (MAX_CHARS // 2 - 1) + "0",
        "{" + ",".join(f'"{n}":1' for n in range(80_000)) + ',"79999":1}',
    ],
    ids=lambda text: text[:8],
)
def test_hostile_text_takes_linear_time(text: str) -> None:
    start = time.thread_time()
    with contextlib.suppress(ParseError):
        parse_json(text)
    assert time.thread_time() - start < 6


def test_odd_but_valid_json_is_read() -> None:
    assert parse_json('{"": "\\u0000", "\\ud83d\\ude00": "😀"}').value == {"": "\0", "😀": "😀"}
    assert parse_json("[1E2, -0.0, 1e-999]").value == [100.0, 0.0, 0.0]
    assert math.copysign(1, parse_json("-0.0").value) == -1


@settings(max_examples=50)
@given(JSON)
def test_what_json_writes_is_read_back_strictly(value: Any) -> None:
    assert parse_json(json.dumps(value)) == ParsedJSON(value, strict=True)


@settings(max_examples=50)
@given(JSON, PROSE, PROSE)
def test_fences_and_prose_around_change_nothing_but_the_flag(
    value: Any, before: str, after: str
) -> None:
    text = f"{before}\n```json\n{json.dumps(value)}\n```\n{after}"
    assert parse_json(text) == ParsedJSON(value, strict=False)


@given(st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=3), st.integers(1, 10_000))
def test_a_truncated_object_is_never_an_answer(value: Any, cut: int) -> None:
    text = json.dumps(value)
    with pytest.raises(ParseError):
        parse_json(text[: len(text) - 1 - cut % (len(text) - 1)])


@settings(max_examples=200)
@given(st.text(alphabet='{}[]":,`\n\\ue0129tn <think/>', max_size=40))
def test_any_text_parses_or_is_refused(text: str) -> None:
    with contextlib.suppress(ParseError):
        assert isinstance(parse_json(text), ParsedJSON)
