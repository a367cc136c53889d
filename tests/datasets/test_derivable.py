"""What can be read off a text, and what an answer looks like that is wrong for sure."""

from typing import Any

import pytest

from llm_eval.datasets.derivable import corrupted, readings, underivable

SCHEMA = {"properties": {"kind": {"enum": ["a", "b"]}}}


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ({"total": 12.5}, "12,50 €"),
        ({"total": 1234567.89}, "1.234.567,89"),
        ({"total": 1234}, "1’234 Fr."),
        ({"n": -3}, "three degrees below zero"),
        ({"name": "Ana  Lim"}, "ANA LIM"),
        ({"iban": "DE12 3456"}, "DE123456"),
        ({"on": "2024-03-14"}, "14 mars 24"),
        ({"at": "2024-03-14T09:30:00"}, "14.03.2024, 9:30"),
        ({"kind": "a", "paid": True, "note": None, "items": [], "more": {}}, ""),
    ],
)
def test_what_the_text_gives_can_be_expected(expected: Any, text: str) -> None:
    assert underivable(expected, SCHEMA, text) == []


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ({"total": 12.5}, "125"),
        ({"name": "Ana Lim"}, "Ana, Lim"),
        ({"on": "2024-03-14"}, "14 April 2024"),
        ({"on": "2024-03-14"}, "March 2024"),
        ({"on": "2024-13-01"}, "1.13.2024"),
        ({"on": "2024-00-01"}, "1 December 2024, 0"),
        ({"items": [{"sku": "K-7"}]}, "K-8"),
    ],
)
def test_what_it_does_not_give_is_named(expected: Any, text: str) -> None:
    (leaf,) = underivable(expected, SCHEMA, text)
    assert leaf.path in ("total", "name", "on", "items[].sku")


def test_digits_with_separators_can_mean_two_numbers() -> None:
    assert {1.234, 1234.0} <= set(readings("1.234"))


@pytest.mark.parametrize(
    "value",
    ["Paris", "", 3, -1, 1e17, True, None, [], {}, ["a"], {"a": 1}, {"a": []}, {"a": {"b": []}}],
)
def test_a_corrupted_value_is_another_one_of_its_shape(value: Any) -> None:
    wrong = corrupted(value)
    assert wrong != value
    if isinstance(value, dict | list):
        assert isinstance(wrong, type(value))


def test_corrupting_changes_one_leaf_and_not_the_value_itself() -> None:
    value = {"total": 5, "items": [1, 2]}
    assert corrupted(value) == {"total": 11, "items": [1, 2]}
    assert corrupted([1, 2]) == [3, 2]
    assert value == {"total": 5, "items": [1, 2]}
