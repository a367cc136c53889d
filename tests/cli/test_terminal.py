"""Model text on a terminal is shown, never obeyed."""

import pytest

from llm_eval.cli.terminal import both_ends, clean, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b[31mred", "\\x1b[2J\\x1b[31mred"),
        ("bell\x07", "bell\\x07"),
        ("a\rb", "a\\x0db"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_control_characters_become_visible(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_one_line_never_exceeds_its_width() -> None:
    assert one_line("a  b\n\nc", 10) == "a b c"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"


def test_a_name_before_an_address_stays_as_long_as_it_can() -> None:
    address = "@http://127.0.0.1:39787/v1"
    assert both_ends(f"openai/a{address}", 22) == "openai/a@…0.1:39787/v1"
    assert both_ends(f"openai/gpt-4o-mini-2024-07-18{address}", 22) == "openai/gpt-4o-…9787/v1"
    assert both_ends("hf/smollm2/json_smollm2", 13) == "hf/s…_smollm2"
    assert both_ends("abc", 3) == "abc"
