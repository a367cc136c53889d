"""Model text on a terminal is shown, never obeyed."""

import pytest

from llm_eval.cli.terminal import clean, one_line


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
