"""YAML text to plain data: what is read, what is refused, and where a message points."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_eval.errors import ConfigError
from llm_eval.yaml_reader import read

TEXT = """\
# a comment
mini:
  stop: [END, "\\n"]
  limits:
    concurrency: 8
"""


def test_every_value_has_the_line_of_its_key() -> None:
    value, lines = read(TEXT, "m.yaml")
    assert value == {"mini": {"stop": ["END", "\n"], "limits": {"concurrency": 8}}}
    assert lines["mini", "limits"] == 4
    assert lines["mini", "limits", "concurrency"] == 5
    assert lines["mini", "stop", 1] == 3


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("12:30:45", "12:30:45"),
        ("2025-01-31", "2025-01-31"),
        ("1_000", "1_000"),
        ("=", "="),
        ("true", True),
        ("'true'", "true"),
        ("~", None),
        ("''", ""),
        ("010", 10),
        ("0x1F", 31),
        ("-7", -7),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("!!str 5", "5"),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("", None),
        ("{}", {}),
        ("{1: a, true: b}", {"1": "a", "true": "b"}),
        ("[&x {k: 1}, *x]", [{"k": 1}, {"k": 1}]),
    ],
)
def test_scalars_follow_the_core_types_of_yaml_1_2(text: str, value: object) -> None:
    found, _ = read(text, "m.yaml")
    assert found == value
    assert type(found) is type(value)


BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!python/object/apply:os.system [id]", "m.yaml:1: only plain data is read: tag 'tag:"),
        ("a: !ENV x", "m.yaml:1: only plain data is read: tag '!ENV' is not allowed"),
        ("!!python/name:os.system : 1", "m.yaml:1: a key must be plain text"),
        ("a: 1\nb: 2\na: 3\n", "m.yaml:3: key 'a' stands here twice, first on line 1"),
        (BOMB, "more than 200000 values; is an alias repeated"),
        ("a: &a [*a]", "m.yaml:1: alias \\*a has no finished anchor"),
        ("[" * 5000, "m.yaml:1: nested deeper than 48 levels"),
        ("b: &b {x: 1}\na:\n  <<: *b\n", "m.yaml:3: merge keys"),
        ("? [a, b]\n: 1\n", "m.yaml:1: a key must be plain text"),
        ("a: 1\n---\nb: 2\n", "m.yaml:2: a second document"),
        ("a: [1, 2\nb: 3\n", "m.yaml:2: not YAML: "),
        ("a: 1\n\tb: 2\n", "m.yaml:2: not YAML: "),
        ("a: \x00", "m.yaml: not YAML: "),
        ("a: 1e999", "m.yaml:1: number 1e999 is too large"),
        ("a: *nowhere", "m.yaml:1: alias \\*nowhere"),
    ],
)
def test_what_is_refused_says_where(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(text, "m.yaml")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        read(text, "m.yaml")
