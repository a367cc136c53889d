"""Clusters are numbered as they appear, whatever names them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_eval.stats.clusters import numbered
from llm_eval.stats.intervals import cluster_t_interval

labels = st.lists(st.integers(-3, 9), max_size=20)


@given(labels)
def test_numbers_follow_the_order_of_appearance(clusters: list[int]) -> None:
    seen = list(dict.fromkeys(clusters))
    expected = [seen.index(cluster) for cluster in clusters]
    assert numbered(clusters).tolist() == expected
    assert numbered(np.array(clusters, np.int32)).tolist() == expected
    assert numbered([f"doc {cluster}" for cluster in clusters]).tolist() == expected


@given(labels.filter(len), st.randoms(use_true_random=False))
def test_an_interval_is_the_same_to_the_bit_for_names_and_for_numbers(clusters, random) -> None:  # type: ignore[no-untyped-def]
    values = [random.random() for _ in clusters]
    by_name = cluster_t_interval(values, [str(cluster) for cluster in clusters])
    by_number = cluster_t_interval(values, np.array(clusters))
    assert repr(by_name) == repr(by_number)


def test_as_many_labels_as_values_are_needed() -> None:
    with pytest.raises(ValueError, match="1 for 2"):
        cluster_t_interval([1.0, 2.0], np.array([0]))
