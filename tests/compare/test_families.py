"""The chance of any false alarm in a family is held, and small slices do not cost large ones."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from llm_eval.compare.families import adjust, exact_p, least_p
from llm_eval.stats.multiplicity import holm
from llm_eval.stats.paired import compare_paired
from llm_eval.stats.paired_rates import mcnemar

probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(probabilities)
def test_where_every_test_could_be_extreme_it_is_holm(p_values: list[float]) -> None:
    np.testing.assert_allclose(adjust(p_values, [0.0] * len(p_values)), holm(p_values))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12))
def test_adjusted_lies_between_raw_and_holm(pairs: list[tuple[float, float]]) -> None:
    p_values = [max(pair) for pair in pairs]
    adjusted = adjust(p_values, [min(pair) for pair in pairs])
    assert all(
        p <= a <= h + 1e-12 for p, a, h in zip(p_values, adjusted, holm(p_values), strict=True)
    )


def test_a_test_that_could_not_be_significant_is_no_rival() -> None:
    assert adjust([0.01, 1.0, 1.0], [0.0, 0.5, 0.5])[0] == 0.01
    assert adjust([0.01, 1.0, 1.0], [0.0, 0.0, 0.0])[0] == 0.03


def test_least_p_is_what_all_changes_one_way_give() -> None:
    for changed in (1, 4, 9):
        found = compare_paired([1.0] * 30, [0.0] * changed + [1.0] * (30 - changed))
        assert least_p(found) == exact_p(found) == mcnemar(0, changed).exact


def test_least_p_of_graded_scores_bounds_their_p() -> None:
    rng = np.random.default_rng(0)
    for n in (5, 12, 40, 400):
        before = rng.random(n)
        found = compare_paired(before, before - 0.1 - rng.random(n))
        assert least_p(found) <= found.p_value


def test_least_p_of_few_clusters_with_many_samples_bounds_their_p() -> None:
    owner = np.repeat(np.arange(18), 3)
    found = compare_paired(np.ones(54), np.zeros(54), clusters=owner)
    assert found.method == "cluster sign-flip, exact"
    assert least_p(found) <= found.p_value == 0.5**17


def test_the_exact_p_counts_both_directions() -> None:
    found = compare_paired([1.0, 1, 1, 1, 0, 0, 1], [0.0, 0, 0, 0, 1, 0, 1])
    assert exact_p(found) == mcnemar(1, 4).exact


def test_unchanged_slices_are_flagged_at_most_as_often_as_alpha() -> None:
    """2,000 families of 12 slices of 25 samples, in which one in five changes by chance."""
    rng = np.random.default_rng(7)
    false_alarms = 0
    for _ in range(2000):
        changed = rng.binomial(25, 0.2, 12)
        lost = rng.binomial(changed, 0.5)
        p_values = [mcnemar(int(c - w), int(w)).exact for c, w in zip(changed, lost, strict=True)]
        least = [1.0 if c == 0 else 0.5 ** (int(c) - 1) for c in changed]
        false_alarms += min(adjust(p_values, least)) <= 0.05
    assert false_alarms / 2000 <= 0.05
