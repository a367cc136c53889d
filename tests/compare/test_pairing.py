"""Samples find their partner by content, wherever they stand."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_eval.compare.pairing import ABSENT, Paired, pair
from llm_eval.fingerprint import digest
from llm_eval.metrics.columns import Digests
from llm_eval.metrics.score_table import ScoreTable


def table(
    keys: Sequence[str],
    values: list[float],
    *,
    indices: list[int] | None = None,
    clusters: list[str | None] | None = None,
) -> ScoreTable:
    return ScoreTable(
        metrics=("m",),
        indices=np.array(indices if indices is not None else range(len(keys)), dtype=np.int64),
        keys=keys,
        labels=[(f"label {key}",) for key in keys],
        clusters=clusters or [None] * len(keys),
        failed=np.zeros(len(keys), dtype=np.bool_),
        columns=(np.array(values, dtype=np.float64),),
    )


def rows_of(paired: Paired) -> tuple[list[int], list[int]]:
    """Where each pair stands in the two tables."""
    every = np.arange(len(paired))
    before, after = (side.rows(every).tolist() for side in (paired.baseline, paired.current))
    return before, after


def keys_of(paired: Paired) -> list[str]:
    before, after = paired.baseline.table.keys, paired.current.table.keys
    rows = zip(*rows_of(paired), strict=True)
    return [before[one] if one != ABSENT else after[other] for one, other in rows]


def test_order_makes_no_difference() -> None:
    paired = pair(table(["a", "b", "c"], [1, 2, 3]), table(["c", "a", "b"], [30, 10, 20]))
    assert keys_of(paired) == ["a", "b", "c"]
    assert paired.scores("m")[1].tolist() == [10, 20, 30]
    assert rows_of(paired)[1] == [1, 2, 0]


def test_content_that_is_there_twice_pairs_in_order() -> None:
    paired = pair(table(["a", "a", "b"], [1, 2, 3]), table(["b", "a", "a"], [30, 10, 20]))
    assert paired.scores("m")[0].tolist() == [1, 2, 3]
    assert paired.scores("m")[1].tolist() == [10, 20, 30]


def test_a_second_copy_without_partner_is_alone() -> None:
    paired = pair(table(["a", "a"], [1, 2]), table(["a"], [10]))
    assert keys_of(paired) == ["a"]
    assert paired.n_only_baseline == 1


def test_lone_samples_stand_without_a_score_where_they_are_missed() -> None:
    paired = pair(table(["a", "b"], [1, 2]), table(["b", "c"], [20, 30]), lone=True)
    assert keys_of(paired) == ["a", "b", "c"]
    assert np.isnan(paired.scores("m")[1][0])
    assert np.isnan(paired.scores("m")[0][2])
    assert rows_of(paired) == ([0, 1, ABSENT], [ABSENT, 0, 1])
    assert list(paired.rows_by_label) == ["label a", "label b", "label c"]
    assert paired.n_shared == 1


def test_epochs_are_averaged() -> None:
    twice = table(["a", "a", "b", "b"], [1, 0, 1, 1], indices=[0, 0, 1, 1])
    paired = pair(table(["a", "b"], [1, 1]), twice)
    assert paired.scores("m")[1].tolist() == [0.5, 1]


def test_an_epoch_without_a_score_leaves_the_sample_without_one() -> None:
    twice = table(["a", "a"], [1, float("nan")], indices=[0, 0])
    assert np.isnan(pair(table(["a"], [1]), twice).scores("m")[1][0])


def test_samples_without_a_cluster_are_clusters_of_their_own() -> None:
    clusters: list[str | None] = ["x", None, "x", None]
    paired = pair(table(list("abcd"), [1] * 4, clusters=clusters), table(list("abcd"), [1] * 4))
    assert paired.clusters is not None
    assert len(set(paired.clusters.tolist())) == 3
    assert paired.clusters[0] == paired.clusters[2]


def test_without_any_cluster_there_are_none() -> None:
    assert pair(table(["a"], [1]), table(["a"], [1])).clusters is None


def test_only_shared_metrics_are_compared() -> None:
    other = table(["a"], [1])
    other = ScoreTable(
        ("x",), other.indices, other.keys, other.labels, other.clusters, other.failed, other.columns
    )
    assert pair(table(["a"], [1]), other).metrics == ()


def by_hand(left: list[str], right: list[str]) -> list[tuple[int, int]]:
    """Each sample of the left with the first of the same content that nobody took yet."""
    free = list(range(len(right)))
    found = []
    for row, key in enumerate(left):
        partner = next((other for other in free if right[other] == key), ABSENT)
        free = [other for other in free if other != partner]
        found.append((row, partner))
    return found + [(ABSENT, other) for other in free]


@pytest.mark.parametrize("epochs", [1, 2])
@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("clusters", [None, ["x", None, "x", "y"]])
def test_runs_of_the_same_samples_pair_as_any_others_do(
    epochs: int, twice: bool, clusters: list[str | None] | None
) -> None:
    """As they stand; one more sample in one of them has every other looked up by its content."""
    keys = [digest(n % 3 if twice else n) for n in range(4) for _ in range(epochs)]
    named = None if clusters is None else [name for name in clusters for _ in range(epochs)]
    numbers = [n for n in range(4) for _ in range(epochs)]
    scores = [float(n) for n in range(4 * epochs)]
    before = table(keys, scores, indices=numbers, clusters=named)
    same = pair(before, table(keys, scores[::-1], indices=numbers))
    more = table([*keys, digest("more")], [*scores[::-1], 9.0], indices=[*numbers, 4])
    looked_up = pair(before, more)
    assert same.baseline.order is None is not looked_up.baseline.order
    assert keys_of(same) == keys_of(looked_up)
    assert rows_of(same) == rows_of(looked_up)
    assert same.n_shared == looked_up.n_shared == 4
    np.testing.assert_array_equal(same.scores("m"), looked_up.scores("m"))
    np.testing.assert_array_equal(same.clusters, looked_up.clusters)
    assert (same.n_only_baseline, same.n_only_current) == (0, 0)
    assert (looked_up.n_only_baseline, looked_up.n_only_current) == (0, 1)


def test_samples_of_different_epochs_do_not_pair_as_they_stand() -> None:
    """The same rows in the same order, but the second belongs to the first sample."""
    left = table(["a", "a", "b"], [1, 0, 1], indices=[0, 0, 1])
    right = table(["a", "a", "b"], [1, 0, 1], indices=[0, 1, 2])
    paired = pair(left, right, lone=True)
    assert rows_of(paired) == ([0, 2, ABSENT], [0, 2, 1])
    assert paired.scores("m")[0].tolist()[:2] == [0.5, 1]


def test_a_label_that_only_the_current_run_knows_keeps_its_samples() -> None:
    paired = pair(table(["a", "b"], [1, 2]), table(["b", "c"], [20, 30]), lone=True)
    assert {name: rows.tolist() for name, rows in paired.rows_by_label.items()} == {
        "label a": [0],
        "label b": [1],
        "label c": [2],
    }


def test_a_cluster_is_one_in_both_runs() -> None:
    left = table(["a", "b"], [1, 2], clusters=["x", "y"])
    right = table(["b", "c", "d"], [2, 3, 4], clusters=["y", "x", None])
    clusters = pair(left, right, lone=True).clusters
    assert clusters is not None
    assert clusters.tolist() == [0, 1, 0, 2]


names = st.lists(st.sampled_from("abcd"), max_size=9)


@given(names, names)
def test_pairs_are_those_found_by_hand(left: list[str], right: list[str]) -> None:
    """Whether keys are packed as digests or are somebody's own."""
    for packed in (False, True):
        tables = [table(names, [0.0] * len(names)) for names in (left, right)]
        if packed:
            tables = [
                replace(one, keys=Digests(b"".join(name.encode() * 32 for name in one.keys)))
                for one in tables
            ]
        whole, shared = (pair(*tables, lone=lone) for lone in (True, False))
        expected = by_hand(left, right)
        assert list(zip(*rows_of(whole), strict=True)) == expected
        both = [(a, b) for a, b in expected if ABSENT not in (a, b)]
        assert rows_of(shared)[1] == [b for _, b in both]
        assert whole.n_only_baseline == sum(b == ABSENT for _, b in expected)
        assert whole.n_only_current == sum(a == ABSENT for a, _ in expected)
