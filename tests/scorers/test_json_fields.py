"""Extracted JSON field by field: worked examples, and properties over generated values."""

import copy
import time
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_eval.errors import ScorerError
from llm_eval.fingerprint import identify
from llm_eval.scorers.json_fields import MAX_FIELDS, Field, JSONFields, same_value
from llm_eval.scorers.json_parse import ParsedJSON, parse_json
from llm_eval.types import Sample, Score

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["a", "b", "A", "", "?", "2024-03-14", "14 March 2024", "1.0"])
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), VALUES, min_size=1, max_size=4)

RATES = ("field_precision", "field_recall", "field_f1")


def scores(
    expected: Any, answer: Any, rules: JSONFields | None = None, **inputs: Any
) -> dict[str, float]:
    """Every metric's value."""
    given = (rules or JSONFields()).grade(identify("t", "1", inputs, expected), answer)
    return {score.metric: score.value for score in given if isinstance(score, Score)}


def statuses(expected: Any, answer: Any, rules: JSONFields | None = None) -> list[str]:
    """`path status` of every leaf, sorted."""
    fields = (rules or JSONFields()).compare(expected, answer)
    return sorted(f"{field.path} {field.status}" for field in fields)


def test_the_example_of_the_module() -> None:
    expected = {"total": 12.5, "items": [{"sku": "A"}, {"sku": "B"}]}
    answer = {"total": "12.50", "items": [{"sku": "B"}], "note": "paid"}
    assert statuses(expected, answer) == [
        "items[].sku correct",
        "items[].sku missing",
        "note spurious",
        "total correct",
    ]
    # given 3 (total, sku, note), wanted 3 (total, two skus), correct 2
    assert scores(expected, answer) == {
        "exact_match": 0.0,
        "field_f1": pytest.approx(2 / 3),
        "field_precision": pytest.approx(2 / 3),
        "field_recall": pytest.approx(2 / 3),
        "schema_valid": 1.0,
        "strict_json": 1.0,
    }


@pytest.mark.parametrize(
    ("expected", "answer", "precision", "recall", "f1"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, 1.0, 1.0, 1.0),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, 0.5, 0.5, 0.5),
        ({"a": 1, "b": 2}, {"a": 1}, 1.0, 0.5, 2 / 3),
        ({"a": 1}, {"a": 1, "b": 2, "c": 3}, 1 / 3, 1.0, 0.5),
        ({"a": 1, "b": 2}, {}, 0.0, 0.0, 0.0),
        ({}, {"a": 1}, 0.0, 0.0, 0.0),
        ({}, {}, 1.0, 1.0, 1.0),
        ({"a": None}, {}, 1.0, 1.0, 1.0),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1}, "b": {"z": [1, 2]}}, 1 / 3, 0.5, 0.4),
        ({"a": [1, 2, 3]}, {"a": [3, 1]}, 1.0, 2 / 3, 0.8),
        ({"a": [1, 2]}, {"a": [2, 1, 9, 9]}, 0.5, 1.0, 2 / 3),
        ({"a": [1]}, {"a": 1}, 1.0, 1.0, 1.0),
        ({"a": {"x": 1}}, {"a": "x"}, 0.0, 0.0, 0.0),
        ({"a": 1}, [1], 0.0, 0.0, 0.0),
        ({"a": 1}, None, 0.0, 0.0, 0.0),
        ({"a": 1}, "a: 1", 0.0, 0.0, 0.0),
    ],
)
def test_rates_by_hand(
    expected: Any, answer: Any, precision: float, recall: float, f1: float
) -> None:
    found = scores(expected, answer)
    assert [found[name] for name in RATES] == pytest.approx([precision, recall, f1])


def test_missing_wrong_and_spurious_are_told_apart() -> None:
    assert statuses(
        {"kept": 1, "changed": 2, "lost": 3, "deep": {"lost": 4}},
        {"kept": 1, "changed": 0, "new": 5},
    ) == ["changed wrong", "deep.lost missing", "kept correct", "lost missing", "new spurious"]


def test_null_and_absent_are_the_same() -> None:
    assert statuses({"a": None, "b": 1}, {"b": 1}) == ["b correct"]
    assert statuses({"b": 1}, {"a": None, "b": 1}) == ["b correct"]
    assert scores({"a": None, "b": {"c": None}}, {"b": {}}) == scores({"b": {}}, {"b": {}})
    assert same_value({"a": None, "b": {"c": None}}, {"b": {}})


def test_null_where_a_value_was_wanted_is_missing_and_the_reverse_spurious() -> None:
    assert statuses({"a": 1}, {"a": None}) == ["a missing"]
    assert statuses({"a": None}, {"a": 1}) == ["a spurious"]
    assert statuses(None, {"a": {"b": 1}}) == ["a.b spurious"]


@pytest.mark.parametrize(
    ("expected", "answer", "same"),
    [
        (12.5, 12.5000001, True),
        (12.5, 12.51, False),
        (0, 1e-10, True),
        (12.5, "12.50", True),
        (1234.5, "1,234.50", True),
        (1234.5, "$1,234.50", True),
        (1234.5, "1,234.50 EUR", True),
        (1234.5, "EUR 1234.5", True),
        (-3, "-$3.00", True),
        (-3, "$-3.00", True),
        (-3, "€ −3", True),
        (3, "-$3.00", False),
        (12, "1,2", False),
        (12, "12 pieces", False),
        (12.5, "12.5%", False),
        (12.5, "twelve", False),
        (12.5, "$", False),
        (12.5, [12.5], False),
        (12.5, {}, False),
        (1, True, False),
        (True, 1, False),
        (True, True, True),
        (True, "true", False),
        ("12.50", 12.5, False),
        (10**399, 10**399, True),
        (10**399, 10**398, False),
        (1.5, 10**399, False),
    ],
)
def test_numbers_agree_within_tolerance_as_text_and_with_a_currency(
    expected: Any, answer: Any, same: bool
) -> None:
    assert JSONFields().equal(expected, answer) is same


def test_tolerances_are_settings() -> None:
    assert JSONFields(relative_tolerance=0.1).equal(100, 109)
    assert JSONFields(absolute_tolerance=2).equal(0, 1.9)
    assert not JSONFields(relative_tolerance=0, absolute_tolerance=0).equal(1.0, 1.0 + 1e-12)


@pytest.mark.parametrize(
    ("expected", "answer", "same"),
    [
        ("2024-03-14", "14 March 2024", True),
        ("2024-03-14", "March 14, 2024", True),
        ("2024-03-14", "14.03.2024", True),
        ("2024-03-14", "2024-03-14T00:00:00Z", True),
        ("2024-03-14", "2024-03-14.", True),
        ("2024-03-04", "3/4/2024", False),
        ("2024-03-14", "2024-03-15", False),
        ("14 March 2024", "2024-03-14", False),
    ],
)
def test_an_expected_iso_date_equals_the_same_date_in_another_form(
    expected: str, answer: str, same: bool
) -> None:
    assert JSONFields().equal(expected, answer) is same


def test_dates_can_be_told_to_be_plain_text() -> None:
    assert not JSONFields(dates=False).equal("2024-03-14", "14 March 2024")


def test_strings_are_compared_loosely_or_exactly() -> None:
    assert JSONFields().equal("Zürich AG", " zürich  ag. ")
    assert JSONFields().equal("Ａ１", "a1")
    assert not JSONFields().equal("Zürich", "Zurich")
    assert not JSONFields().equal("?", "!")
    exact = JSONFields(strings="exact")
    assert exact.equal("Zürich", "Zürich")
    assert not exact.equal("Zürich", "zürich")


def test_exact_match_is_canonical_equality_and_not_lenient() -> None:
    assert scores({"a": 1, "b": [1, 2]}, {"b": [1.0, 2], "a": 1, "c": None})["exact_match"] == 1.0
    for answer in ({"a": "1", "b": [1, 2]}, {"a": 1, "b": [2, 1]}, {"a": True, "b": [1, 2]}):
        assert scores({"a": 1, "b": [1, 2]}, answer)["exact_match"] == 0.0


def test_items_are_aligned_so_that_the_most_leaves_agree() -> None:
    expected = [{"sku": "A", "n": 1}, {"sku": "B", "n": 2}, {"sku": "C", "n": 3}]
    # Greedy by position would pair the first two and find one leaf; the best pairing finds four.
    answer = [{"sku": "B", "n": 1}, {"sku": "C", "n": 3}, {"sku": "A", "n": 1}]
    found = scores(expected, answer)
    assert found["field_f1"] == pytest.approx(5 / 6)
    assert scores(expected, answer, JSONFields(ordered=True))["field_f1"] == pytest.approx(1 / 6)


def test_a_similar_item_is_wrong_rather_than_missing_and_made_up() -> None:
    expected, answer = [{"sku": "A"}], [{"n": 1}, {"sku": "B"}]
    assert statuses(expected, answer) == ["[].n spurious", "[].sku wrong"]
    assert statuses(expected, answer[::-1]) == ["[].n spurious", "[].sku wrong"]


def test_one_and_true_in_a_list_are_two_things() -> None:
    assert scores([1, True], [True, 1])["field_f1"] == 1.0


def test_a_list_that_must_keep_its_order_pays_for_each_place() -> None:
    ordered = JSONFields(ordered=True)
    assert scores([1, 2, 3], [1, 3, 2], ordered)["field_f1"] == pytest.approx(1 / 3)
    assert statuses([1, 2], [1], ordered) == ["[] correct", "[] missing"]
    assert statuses([1], [1, 2], ordered) == ["[] correct", "[] spurious"]


def test_a_schema_decides_validity_apart_from_the_fields() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]}
    assert scores({"a": 1}, {"a": 1}, schema=schema)["schema_valid"] == 1.0
    lenient = scores({"a": 1}, {"a": "1"}, schema=schema)
    assert (lenient["field_f1"], lenient["schema_valid"]) == (1.0, 0.0)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        "text",
        [1],
        {"pattern": "(a"},
        {"$ref": "#/nowhere"},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "file:///etc/hostname"},
        {"$schema": "http://127.0.0.1:9/draft"},
    ],
    ids=str,
)
def test_a_broken_schema_is_the_rows_fault_and_fetches_nothing(schema: Any) -> None:
    with pytest.raises(ScorerError, match=r"^sample '1': its JSON Schema is none: [^\n]+$"):
        scores({"a": 1}, {"a": 1}, schema=schema)


def test_json_in_prose_loses_only_the_strict_flag() -> None:
    found = scores({"a": 1}, parse_json('Here: {"a": 1}'))
    assert found.pop("strict_json") == 0.0
    assert set(found.values()) == {1.0}


def test_details_list_the_fields_up_to_a_bound() -> None:
    expected = {f"f{n}": n for n in range(MAX_FIELDS + 50)}
    headline, *_ = JSONFields().grade(identify("t", "1", {}, expected), {"f0": 0, "f1": 7})
    assert isinstance(headline, Score)
    assert headline.details is not None
    assert headline.details["n_fields"] == MAX_FIELDS + 50
    assert headline.details["fields"][:3] == [
        {"path": "f0", "status": "correct"},
        {"path": "f1", "status": "wrong", "expected": 1, "actual": 7},
        {"path": "f2", "status": "missing", "expected": 2, "actual": None},
    ]
    assert len(headline.details["fields"]) == MAX_FIELDS


@given(OBJECTS)
def test_gold_scores_one(gold: Any) -> None:
    for rules in (JSONFields(), JSONFields(ordered=True, strings="exact", dates=False)):
        assert set(scores(gold, copy.deepcopy(gold), rules).values()) == {1.0}


@given(OBJECTS, st.data())
def test_gold_with_one_leaf_corrupted_scores_below_one(gold: Any, data: st.DataObject) -> None:
    corrupted = copy.deepcopy(gold)
    holder, key = data.draw(st.sampled_from(list(places(corrupted))))
    holder[key] = "corrupted value"
    found = scores(gold, corrupted)
    assert found["exact_match"] == 0.0
    assert found["field_f1"] < 1.0


@given(OBJECTS)
def test_gold_with_a_field_too_many_or_too_few_scores_below_one(gold: Any) -> None:
    assert scores(gold, {**gold, "made up": 1})["field_f1"] < 1.0
    lost = scores({**gold, "lost": 1}, gold)
    assert lost["field_f1"] < 1.0
    assert lost["field_recall"] < 1.0


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of every value inside."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in list(keys):
        yield value, key
        yield from places(value[key])


@settings(max_examples=150, deadline=None)
@given(VALUES, VALUES, st.randoms(use_true_random=False))
def test_the_order_of_a_list_never_changes_a_rate(expected: Any, answer: Any, random: Any) -> None:
    before = scores(expected, answer)
    after = scores(shuffled(expected, random), shuffled(answer, random))
    assert [after[name] for name in RATES] == [before[name] for name in RATES]


def shuffled(value: Any, random: Any) -> Any:
    """The same value with every list inside in another order."""
    if isinstance(value, dict):
        return {name: shuffled(inner, random) for name, inner in value.items()}
    if isinstance(value, list):
        items = [shuffled(inner, random) for inner in value]
        random.shuffle(items)
        return items
    return value


@settings(max_examples=60, deadline=None)
@given(st.lists(OBJECTS, max_size=4), st.lists(OBJECTS, max_size=4))
def test_alignment_finds_as_many_leaves_as_the_best_of_all_orders(
    expected: list[Any], answer: list[Any]
) -> None:
    def correct(left: Any, right: Any) -> int:
        return sum(field.status == "correct" for field in JSONFields().compare(left, right))

    size = max(len(expected), len(answer))
    wanted, found = (items + [None] * (size - len(items)) for items in (expected, answer))
    best = max(sum(map(correct, wanted, order)) for order in permutations(found))
    assert correct(expected, answer) == best


@settings(max_examples=150, deadline=None)
@given(VALUES, VALUES)
def test_rates_count_every_wanted_and_given_leaf(expected: Any, answer: Any) -> None:
    fields = list(JSONFields().compare(expected, answer))
    wanted = sum(field.status != "spurious" for field in fields)
    assert wanted == len(list(JSONFields().compare(expected, None)))
    assert all(isinstance(field, Field) for field in fields)
    found = scores(expected, answer)
    assert all(0.0 <= value <= 1.0 for value in found.values())
    assert found["exact_match"] == 0.0 or found["field_f1"] == 1.0


def nested(depth: int, leaf: Any) -> Any:
    value = leaf
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (nested(95, 1), nested(95, 2)),
        (nested(10, [1, 2]), nested(10, [3, 4])),
        ({"a": 1}, {"a": nested(99, 1)}),
        (list(range(400)), list(range(1, 600))),
        (list(range(50)), [1] * 400_000),
        ([{"a": n, "b": n} for n in range(100)], [{"a": -n, "b": n} for n in range(100)]),
        ({"a": 1}, {str(n): n for n in range(100_000)}),
        ({"a": ["\ud800", "\0", ""]}, {"a": ["\ud800", "\0", ""], "\ud800": "x" * 500_000}),
    ],
    ids=["deep", "deep pair", "deep given", "long", "loop", "invoice", "wide", "odd"],
)
def test_huge_nested_and_odd_values_are_scored_in_time(expected: Any, answer: Any) -> None:
    start = time.thread_time()
    found = JSONFields().grade(
        Sample("key", "1", {"schema": {"type": "object"}}, expected),
        ParsedJSON(answer, strict=True),
    )
    assert len(found) == len(JSONFields().metrics)
    assert time.thread_time() - start < 9


def test_nested_lists_of_pairs_take_no_exponential_time() -> None:
    def tree(depth: int, leaf: int) -> Any:
        return [tree(depth - 1, leaf), tree(depth - 1, -leaf)] if depth else leaf

    start = time.thread_time()
    scores(tree(7, 1), tree(7, 2))
    assert time.thread_time() - start < 6
