"""Scorers of short text answers: published vectors, stated rules, and bounded time."""

import contextlib
import math
import re
import string
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_eval.errors import ConfigError, EvalError, ScorerError
from llm_eval.fingerprint import identify
from llm_eval.scorers import normalise, numbers
from llm_eval.scorers.base import Deterministic
from llm_eval.scorers.deterministic import (
    Choice,
    Contains,
    ExactMatch,
    NumericMatch,
    RegexMatch,
    TokenF1,
)
from llm_eval.types import Score


def value(scorer: Deterministic, answer: Any, target: Any) -> float:
    """The one score of `answer`."""
    (score,) = scorer.grade(identify("t", "1", {}, target), answer)
    assert isinstance(score, Score)
    return score.value


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of `work`, whether it returns or refuses."""
    start = time.perf_counter()
    with contextlib.suppress(EvalError):
        work()
    return time.perf_counter() - start


@pytest.mark.parametrize(
    ("answer", "target", "exact", "f1"),
    [
        ("in the city of Paris, France", "Paris", 0.0, 0.333333),
        ("U.S.A.", "usa", 1.0, 1.0),
        ("the", "a", 1.0, 1.0),
        ("“Paris” France", "Paris France", 0.0, 0.5),
        ("The Eiffel   Tower!", "eiffel tower", 1.0, 1.0),
        ("", "Paris", 0.0, 0.0),
        ("Paris", "", 0.0, 0.0),
        ("theatre", "atre", 0.0, 0.0),
    ],
)
def test_squad_v1_vectors(answer: str, target: str, exact: float, f1: float) -> None:
    assert value(ExactMatch(), answer, target) == exact
    assert value(TokenF1(), answer, target) == pytest.approx(f1, abs=5e-7)


def test_token_f1_counts_repeated_words_and_takes_the_best_accepted_answer() -> None:
    # given: new new york (3), wanted: new york (2), common: 2 → 2·2/5
    assert value(TokenF1(), "new new york", "new york") == pytest.approx(0.8)
    assert value(TokenF1(), "new new york", ["boston", "new york"]) == pytest.approx(0.8)
    assert value(TokenF1(), "new new york", "new york new") == 1.0


@given(st.text(st.sampled_from("aAnthe ,.'_-\t\n\x00\x1fé“”\u00a0"), max_size=24))
@example("The\x00 a")
def test_squad_normalisation_is_that_of_the_reference_script(text: str) -> None:
    bare = "".join(c for c in text.lower() if c not in set(string.punctuation))
    assert normalise.squad(text) == " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def test_squad_normalisation_is_idempotent_for_plain_words() -> None:
    once = normalise.squad("An  Answer, the RIGHT one.")
    assert once == "answer right one"
    assert normalise.squad(once) == once


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  Zürich\t AG. ", "zürich ag"),
        ("Ｆｕｌｌ Ｗｉｄｔｈ", "full width"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("“quoted”", "quoted"),
        ("don't", "don't"),
        ("?", "?"),
        ("", ""),
    ],
)
def test_loose_rule(text: str, normal: str) -> None:
    assert normalise.loose(text) == normal


def test_any_accepted_answer_is_right() -> None:
    assert value(ExactMatch(), "Paris.", ["Lyon", "paris"]) == 1.0
    assert value(ExactMatch(), "Nice", ["Lyon", "paris"]) == 0.0


@pytest.mark.parametrize("scorer", [ExactMatch(), TokenF1(), NumericMatch(), Contains(), Choice()])
@pytest.mark.parametrize("target", [None, [], [None]])
def test_a_row_without_a_target_is_unscored_not_wrong(scorer: Deterministic, target: Any) -> None:
    with pytest.raises(ScorerError, match="sample '1' has no target"):
        value(scorer, "x", target)


@pytest.mark.parametrize(
    ("answer", "target", "right"),
    [
        ("1,234.50", "1234.5", True),
        ("1e3", "1000", True),
        ("−5", "-5", True),
        ("1,2", "12", False),
        ("1_0", "10", False),
        ("nan", "nan", True),  # the same word; as a number it is none
        ("infinity", "inf", False),
        ("5 km", "5", False),
        ("1.6e-19", "6.626e-34", False),
        ("6.6260e-34", "6.626e-34", True),
        ("1e-10", "0", False),
        ("-0.0", "0", True),
    ],
)
def test_exact_match_takes_an_equal_number_in_another_form(
    answer: str, target: str, right: bool
) -> None:
    assert value(ExactMatch(normalise="loose"), answer, target) == float(right)


def test_without_numeric_only_the_words_count() -> None:
    assert value(ExactMatch(numeric=False), "1e3", "1000") == 0.0
    assert value(ExactMatch(normalise="none", numeric=False), "paris", "Paris") == 0.0
    assert value(ExactMatch(normalise="loose"), "«paris»", "paris") == 0.0


def test_an_unknown_normalisation_is_refused_when_the_scorer_is_made() -> None:
    with pytest.raises(ConfigError, match="'sqad' is none of squad, loose, none"):
        ExactMatch(normalise="sqad")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The answer is 1,234.5 km.", 1234.5),
        ("3 + 4 = 7", 7.0),
        ("from 3-5", 5.0),
        ("minus −2.5", -2.5),
        ("$1,000,000", 1_000_000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("6.02e23 atoms", 6.02e23),
        ("1,2,3", 3.0),
        ("v1.2", None),
        ("no number", None),
        ("1e999", None),
        ("", None),
    ],
)
def test_the_last_number_of_a_text(text: str, number: float | None) -> None:
    assert numbers.last_number(text) == number


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**20), 10**20))
def test_every_number_as_python_writes_it_is_one(value: float) -> None:
    assert numbers.number(f" {value} ") == float(value)


@given(st.text(alphabet="0123456789+-−.,eE_ \t٣²infa", max_size=8))
def test_what_is_no_number_to_python_is_none_to_us(text: str) -> None:
    """And but for commas and underscores the other way round."""
    try:
        value = float(text.replace("−", "-"))
    except ValueError:
        value = math.nan
    if "," not in text and "_" not in text:
        assert numbers.number(text) == (value if math.isfinite(value) else None)


def test_numeric_match_is_within_either_tolerance() -> None:
    assert value(NumericMatch(), "so it is 41.99999999", "42") == 1.0
    assert value(NumericMatch(), "41.9", 42) == 0.0
    assert value(NumericMatch(relative_tolerance=0.01), "41.9", 42) == 1.0
    assert value(NumericMatch(absolute_tolerance=0.2), "0.1", 0) == 1.0
    assert value(NumericMatch(), "no idea", 42) == 0.0


def test_small_numbers_are_told_apart_unless_somebody_says_how_far_they_may_differ() -> None:
    assert value(NumericMatch(), "h = 1.6e-19", "6.626e-34") == 0.0
    assert value(NumericMatch(), "h = 6.626001e-34", "6.626e-34") == 1.0
    assert value(NumericMatch(absolute_tolerance=1e-9), "h = 1.6e-19", "6.626e-34") == 1.0


def test_a_target_that_is_no_number_is_nobodys_zero() -> None:
    with pytest.raises(ScorerError, match="target 'many' is no number"):
        value(NumericMatch(), "42", "many")


def test_contains_finds_an_accepted_answer_anywhere() -> None:
    assert value(Contains(), "It is PARIS, of course", ["lyon", "Paris"]) == 1.0
    assert value(Contains(ignore_case=False), "It is PARIS", "Paris") == 0.0


@pytest.mark.parametrize("scorer", [Contains(), RegexMatch()])
@pytest.mark.parametrize("target", ["", " ", ["Paris", ""]])
def test_a_blank_accepted_answer_is_not_found_in_everything(
    scorer: Deterministic, target: Any
) -> None:
    with pytest.raises(ScorerError, match="sample '1': a blank target is found in every reply"):
        value(scorer, "any thing", target)


def test_a_blank_pattern_is_refused_when_the_scorer_is_made() -> None:
    with pytest.raises(ConfigError, match="regex: pattern is blank, which every reply matches"):
        RegexMatch("")


def test_regex_searches_or_matches_in_full() -> None:
    assert value(RegexMatch(r"\d{3}"), "room 101", None) == 1.0
    assert value(RegexMatch(r"\d{3}", full=True), "room 101", None) == 0.0
    assert value(RegexMatch("PARIS", ignore_case=True), "paris", None) == 1.0
    assert value(RegexMatch(), "room 101", [r"^hall", r"\d+"]) == 1.0


def test_a_pattern_that_is_none_is_refused_where_it_stands() -> None:
    with pytest.raises(ConfigError, match=r"regex pattern '\(a': missing \)"):
        RegexMatch("(a")
    with pytest.raises(ScorerError, match=r"sample '1'.*pattern '\(a'"):
        value(RegexMatch(), "x", "(a")


def test_a_time_limit_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="time_limit_s must be above 0, got 0"):
        RegexMatch("a", time_limit_s=0)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){25}$", r"(\w+\s?)+:"])
def test_a_catastrophic_pattern_leaves_the_sample_unscored_in_time(pattern: str) -> None:
    scorer = RegexMatch(pattern, time_limit_s=0.05)
    text = "a" * 200 + "!"
    # The engine may see through the simple ones.
    assert seconds(lambda: value(scorer, text, None)) < 1


def test_at_least_one_pattern_runs_into_its_limit() -> None:
    with pytest.raises(ScorerError, match="took over"):
        value(RegexMatch("(.*a){25}$", time_limit_s=0.05), "a" * 200 + "!", None)


@pytest.mark.parametrize(
    ("answer", "chosen"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(b)", "B"),
        ("**B**", "B"),
        ("B.", "B"),
        ("B) Paris", "B"),
        ("Answer: B", "B"),
        ("The answer is (C), not A.", "C"),
        ("Option A? No. The correct option is B.", "B"),
        ("First answer: A\nFinal answer: D", "D"),
        ("INCORRECT", None),
        ("A) Paris\nB) London", None),
        ("Answer: I'd say none", None),
        ("**Answer:** B", "B"),
        ("**Answer**: B\r\n", "B"),
        ("so the answer is $B$.", "B"),
        (r"\boxed{B}", "B"),
        (r"Final answer: \(B\)", "B"),
        ("Answer: `B`", "B"),
        ("The answer is 'B'", "B"),
        ("answer: b", "B"),
        ("Answer: (b).\nIt is what the text says.", "B"),
        ("Answer: a fish", None),
        ("My answer: b, or c", None),
        ("Paris", None),
        ("", None),
    ],
)
def test_the_letter_that_an_answer_chooses(answer: str, chosen: str | None) -> None:
    for letter in "ABCDI":
        assert value(Choice(), answer, letter) == float(letter == chosen)


def test_choice_says_what_was_chosen() -> None:
    (score,) = Choice().grade(identify("t", "1", {}, "A"), "Answer: B")
    assert isinstance(score, Score)
    assert score.reason == "chose B"


def test_a_target_that_is_no_letter_is_nobodys_zero() -> None:
    with pytest.raises(ScorerError, match="target 'Paris' is none of the letters ABCD"):
        value(Choice(letters="ABCD"), "A", "Paris")
    assert value(Choice(), "(b)", "(B)") == 1.0


def test_choice_without_letters_is_refused() -> None:
    with pytest.raises(ConfigError, match="letters"):
        Choice(letters="")


@pytest.mark.parametrize(
    "answer",
    [
        "answer" + " " * 200_000,
        "(" * 200_000,
        "\n" * 200_000,
        "1," * 100_000,
        "answer is " * 20_000,
        "answer: a" + "* " * 100_000 + "!",
    ],
    ids=["spaces", "brackets", "lines", "digits", "words", "marks"],
)
@pytest.mark.parametrize(
    ("scorer", "target"),
    [(Choice(), "A"), (NumericMatch(), "1"), (ExactMatch(), "1"), (TokenF1(), "a b")],
    ids=lambda x: getattr(x, "name", ""),
)
def test_time_grows_no_faster_than_the_answer(
    scorer: Deterministic, target: str, answer: str
) -> None:
    assert seconds(lambda: value(scorer, answer, target)) < 1
