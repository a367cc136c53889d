"""Columns read as the lists that they stand for."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_eval.metrics.columns import Coder, Digests, numbered, pack_keys, same_keys
from llm_eval.metrics.score_table import rows_by_label

KEYS = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(5)]


@given(st.lists(st.sampled_from(["a", "b", None]), max_size=20))
def test_coded_values_read_as_they_were_given(values: list[str | None]) -> None:
    coder: Coder[str | None] = Coder()
    coder.extend(values[:7])
    coder.extend(values[7:])
    coded = coder.coded()
    assert list(coded) == values == [coded[row] for row in range(len(values))]
    found = {value: rows.tolist() for value, rows in coded.rows()}
    assert found == {v: [n for n, w in enumerate(values) if w == v] for v in set(values)}


@given(st.lists(st.lists(st.sampled_from("abc"), unique=True).map(tuple), max_size=20))
def test_each_label_knows_its_rows(labels: list[tuple[str, ...]]) -> None:
    found = {label: rows.tolist() for label, rows in rows_by_label(labels).items()}
    carried = sorted({label for row in labels for label in row})
    assert list(found) == carried
    assert found == {c: [n for n, row in enumerate(labels) if c in row] for c in carried}


def test_digests_read_as_keys() -> None:
    packed = pack_keys(KEYS)
    assert packed is not None
    digests = Digests(packed)
    assert list(digests) == KEYS
    assert (digests[-1], digests[1:3]) == (KEYS[-1], KEYS[1:3])
    with pytest.raises(IndexError):
        digests[5]


@pytest.mark.parametrize("key", ["a", "g" * 64, KEYS[0].upper(), f" {KEYS[0][1:]}", ""])
def test_a_key_that_is_no_digest_is_not_packed(key: str) -> None:
    assert pack_keys([KEYS[0], key]) is None


def test_nothing_coded_has_no_rows() -> None:
    assert dict(Coder[str]().coded().rows()) == {}
    assert rows_by_label([]) == {}
    assert np.array(Digests(b"")).size == 0


def test_digests_that_begin_alike_are_told_apart_by_the_rest() -> None:
    alike = [KEYS[0], KEYS[0][:16] + KEYS[1][16:], KEYS[2]]
    left, right = (Digests(pack_keys(keys) or b"") for keys in (alike, alike[::-1]))
    numbers = numbered(left, right).tolist()
    assert numbers[:3] == numbers[:2:-1]
    assert len(set(numbers)) == 3


@pytest.mark.parametrize("place", range(0, 64, 16))
def test_keys_are_the_same_where_every_part_of_each_is(place: int) -> None:
    other = KEYS[0][:place] + KEYS[1][place : place + 16] + KEYS[0][place + 16 :]
    one, same, changed = (
        Digests(pack_keys(keys) or b"") for keys in (KEYS, KEYS, [other, *KEYS[1:]])
    )
    assert same_keys(one, same)
    assert same_keys(one, KEYS)
    assert not same_keys(one, changed)
    assert not same_keys(one, KEYS[:-1])


def test_keys_that_were_added_page_by_page_are_read_one_by_one() -> None:
    digests = Digests()
    for start in (0, 2):
        digests.add(pack_keys(KEYS[start : start + 2]) or b"")
    digests.add(pack_keys(KEYS[4:]) or b"")
    assert list(digests) == KEYS == [digests[n] for n in range(5)]
