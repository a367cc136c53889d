"""Two replies as one text, from which both can be read."""

import time

from hypothesis import given
from hypothesis import strategies as st

from llm_eval.compare.word_diff import MOST_WORDS, Piece, apart, shortened, word_diff


def without(pieces: list[Piece], kind: str) -> str:
    return "".join(text for name, text in pieces if name != kind)


@given(st.text(alphabet="ab c\n.é雪", max_size=60), st.text(alphabet="ab c\n.é雪", max_size=60))
def test_both_texts_can_be_read_from_the_difference(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    assert without(pieces, "added") == before
    assert without(pieces, "removed") == after


def test_only_the_changed_words_are_marked() -> None:
    pieces = word_diff("The capital of France is Paris.", "The capital of France is Rome.")
    assert [(kind, text) for kind, text in pieces if kind != "same"] == [
        ("removed", "Paris"),
        ("added", "Rome"),
    ]


def test_texts_that_share_nothing_stand_apart() -> None:
    assert apart(word_diff("Paris", "I do not know."))
    assert not apart(word_diff("It is Paris", "It is Rome"))


def test_texts_beyond_reading_cost_no_time() -> None:
    started = time.process_time()
    pieces = word_diff("a b " * MOST_WORDS, "b a " * MOST_WORDS)
    assert time.process_time() - started < 1
    assert apart(pieces)


def test_what_is_shortened_says_so() -> None:
    pieces = word_diff("x " * 500 + "old", "x " * 500 + "new")
    short = shortened(pieces, 200)
    assert sum(len(piece.text) for piece in short) < 250
    assert [piece.text for piece in short if piece.kind != "same"] == ["old", "new"]
    assert "…" in short[0].text
    assert shortened(word_diff("", "y" * 500), 100)[0].text == "y" * 100 + "…"
