"""Adjusted p values: reference vectors, statsmodels as the oracle, and what must hold for any."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from llm_eval.stats.multiplicity import benjamini_hochberg, benjamini_yekutieli, bonferroni, holm

METHODS = {
    "bonferroni": bonferroni,
    "holm": holm,
    "fdr_bh": benjamini_hochberg,
    "fdr_by": benjamini_yekutieli,
}
BENJAMINI_HOCHBERG_1995 = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
    0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1.0,
]  # fmt: skip
p_values = st.lists(st.floats(0, 1), max_size=30)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("holm", [0.03, 0.06, 0.06, 0.02]),
        ("fdr_bh", [0.02, 0.04, 0.04, 0.02]),
        ("fdr_by", [0.041667, 0.083333, 0.083333, 0.041667]),
    ],
)
def test_four_p_values_of_the_reference(method: str, expected: list[float]) -> None:
    adjusted = METHODS[method]([0.01, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(adjusted, expected, atol=5e-7)


@pytest.mark.parametrize(("method", "rejected"), [("fdr_bh", 4), ("holm", 3), ("bonferroni", 3)])
def test_rejections_of_the_worked_example_of_1995(method: str, rejected: int) -> None:
    assert np.sum(METHODS[method](BENJAMINI_HOCHBERG_1995) <= 0.05) == rejected


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=25, deadline=None)  # statsmodels takes 40 ms for Holm's
@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_statsmodels_agrees(method: str, p: list[float]) -> None:
    expected = multipletests(p, method=method)[1]
    np.testing.assert_allclose(METHODS[method](p), expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("method", METHODS)
@given(p=p_values)
def test_adjustment_keeps_the_order_and_never_lowers(method: str, p: list[float]) -> None:
    adjusted = METHODS[method](p)
    order = np.argsort(p, kind="stable")
    assert np.all(np.diff(adjusted[order]) >= 0)
    assert np.all(adjusted >= np.array(p) * (1 - 1e-12))
    assert np.all(adjusted <= 1)


@given(p=p_values)
def test_holm_is_never_weaker_than_bonferroni_and_never_stronger_than_hochbergs_rate(
    p: list[float],
) -> None:
    assert np.all(holm(p) <= bonferroni(p) * (1 + 1e-12))
    assert np.all(benjamini_hochberg(p) <= holm(p) * (1 + 1e-12))


@pytest.mark.parametrize("method", METHODS)
def test_no_tests_need_no_adjustment(method: str) -> None:
    assert METHODS[method]([]).shape == (0,)
    assert METHODS[method]([0.2]).tolist() == [0.2]


@pytest.mark.parametrize("wrong", [float("nan"), -0.1, 1.1])
def test_no_p_value_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, wrong])


def test_a_table_of_p_values_is_refused() -> None:
    with pytest.raises(ValueError, match="flat list"):
        holm([[0.5]])
