"""Agreement: vectors of the papers, statsmodels, and what every coefficient must hold."""

from collections.abc import Callable
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from statsmodels.stats.inter_rater import cohens_kappa as statsmodels_cohen
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from llm_eval.stats.agreement import (
    Level,
    Weights,
    agreement_interval,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac1,
    kappa_of_table,
    krippendorff_alpha,
    percent_agreement,
)

KRIPPENDORFF_2011 = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
        [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
    ]
).T
FLEISS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip
tables = st.integers(2, 5).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 30), min_size=k, max_size=k), min_size=k, max_size=k)
)
ratings = st.lists(
    st.lists(st.sampled_from([nan, 1.0, 2.0, 3.0]), min_size=3, max_size=3),
    min_size=1,
    max_size=20,
).map(np.array)


def of_table(table: list[list[int]]) -> tuple[list[int], list[int]]:
    cells = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    return [i for i, _ in cells], [j for _, j in cells]


def test_cohens_kappa_of_the_reference() -> None:
    kappa = cohen_kappa(*of_table([[20, 5], [10, 15]]))
    assert kappa == pytest.approx((0.4, 0.126996, 0.151092, 0.648908), abs=1e-6)


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
@given(table=tables)
def test_statsmodels_agrees_on_cohens_kappa(
    weights: Weights | None, table: list[list[int]]
) -> None:
    counts = np.array(table)
    assume((counts.sum(axis=0) > 0).sum() > 1)
    assume((counts.sum(axis=1) > 0).sum() > 1)
    expected = statsmodels_cohen(counts, wt=weights)
    kappa = kappa_of_table(table, weights=weights)
    assert kappa.value == pytest.approx(expected.kappa, abs=1e-9)
    assert kappa.stderr**2 == pytest.approx(max(float(expected.var_kappa), 0.0), abs=1e-9)


@given(tables)
def test_kappa_does_not_depend_on_who_rates_first_nor_on_names(table: list[list[int]]) -> None:
    first, second = of_table(table)
    assume(first)
    forward = cohen_kappa(first, second)
    assert cohen_kappa(second, first) == pytest.approx(forward, nan_ok=True, abs=1e-9)
    named = cohen_kappa([f"l{i}" for i in first], [f"l{i}" for i in second])
    assert named == pytest.approx(forward, nan_ok=True)


@given(tables)
def test_weights_do_not_matter_between_two_labels(table: list[list[int]]) -> None:
    small = np.array(table)[:2, :2]
    assume(small.sum() > 0)
    plain = kappa_of_table(small)
    for weights in ("linear", "quadratic"):
        weighted = kappa_of_table(small, weights=weights)
        assert weighted == pytest.approx(plain, nan_ok=True)


def test_a_near_miss_counts_less_where_labels_are_grades() -> None:
    grades, off_by_one = [1, 2, 3, 4, 5] * 4, [2, 2, 3, 4, 4] * 4
    plain = cohen_kappa(grades, off_by_one).value
    assert cohen_kappa(grades, off_by_one, weights="quadratic", labels=range(1, 6)).value > plain


def test_one_label_throughout_is_no_evidence_of_agreement() -> None:
    assert isnan(cohen_kappa(["yes"] * 9, ["yes"] * 9).value)
    assert isnan(fleiss_kappa([[3, 0], [3, 0]]))
    assert isnan(krippendorff_alpha(np.ones((9, 2))))
    assert isnan(gwet_ac1(np.ones((9, 2))))
    assert gwet_ac1(np.ones((9, 2)), labels=[0, 1]) == 1.0


def test_kappas_paradox_spares_ac1() -> None:
    first, second = of_table([[118, 5], [2, 0]])  # Gwet 2008: 94 % agree
    assert percent_agreement(first, second) == pytest.approx(0.944)
    assert cohen_kappa(first, second).value == pytest.approx(-0.0234, abs=1e-4)
    assert gwet_ac1(np.array([first, second]).T) == pytest.approx(0.9408, abs=1e-4)


def test_fleiss_kappa_of_the_reference_and_of_statsmodels() -> None:
    assert fleiss_kappa(FLEISS) == pytest.approx(0.209931, abs=1e-6)
    assert fleiss_kappa(FLEISS) == pytest.approx(statsmodels_fleiss(np.array(FLEISS)))


@pytest.mark.parametrize(
    ("level", "expected"),
    [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)],
)
def test_krippendorffs_alpha_of_the_reference(level: Level, expected: float) -> None:
    assert krippendorff_alpha(KRIPPENDORFF_2011, level) == pytest.approx(expected, abs=1e-6)


@given(ratings, st.sampled_from(["nominal", "ordinal", "interval", "ratio"]), st.randoms())
def test_alpha_does_not_depend_on_the_order_of_items_and_raters(
    table: NDArray[np.float64], level: Level, random: np.random.Generator
) -> None:
    rows, columns = list(range(len(table))), [0, 1, 2]
    random.shuffle(rows)
    random.shuffle(columns)
    alpha = krippendorff_alpha(table, level)
    assert krippendorff_alpha(table[rows][:, columns], level) == pytest.approx(alpha, nan_ok=True)
    assert isnan(alpha) or alpha <= 1


@given(ratings)
def test_alpha_of_intervals_does_not_depend_on_the_unit(table: NDArray[np.float64]) -> None:
    alpha = krippendorff_alpha(table, "interval")
    assert krippendorff_alpha(5 * table - 3, "interval") == pytest.approx(alpha, nan_ok=True)


@pytest.mark.parametrize("coefficient", [krippendorff_alpha, gwet_ac1])
def test_full_agreement_is_one_and_coin_flips_are_about_zero(
    coefficient: Callable[[NDArray[np.float64]], float],
) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 2000).astype(float)
    assert coefficient(np.column_stack([labels, labels])) == pytest.approx(1.0)
    assert coefficient(np.column_stack([labels, rng.permutation(labels)])) == pytest.approx(
        0.0, abs=0.05
    )


@pytest.mark.parametrize("coefficient", [krippendorff_alpha, gwet_ac1])
def test_items_rated_once_say_nothing(
    coefficient: Callable[[NDArray[np.float64]], float],
) -> None:
    assert isnan(coefficient(np.array([[1.0, nan], [nan, 2.0]])))


def test_the_interval_covers_the_true_agreement() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(60):
        truth = rng.integers(0, 2, 80).astype(float)
        noisy = [np.where(rng.random(80) < 0.2, 1 - truth, truth) for _ in range(2)]
        interval = agreement_interval(
            np.column_stack(noisy), krippendorff_alpha, rng=rng, n_resamples=200
        )
        covered += interval.low <= 0.36 <= interval.high  # (1 − 2·.2)²
    assert covered / 60 >= 0.87


def test_the_interval_leaves_out_resamples_in_which_nothing_could_disagree() -> None:
    table = np.array([[1.0, 1.0]] * 9 + [[2.0, 2.0]])
    interval = agreement_interval(table, krippendorff_alpha, rng=np.random.default_rng(0))
    assert interval == (1.0, 1.0)
    unknown = agreement_interval(np.ones((5, 2)), krippendorff_alpha, rng=np.random.default_rng(0))
    assert isnan(unknown.low)
    assert isnan(agreement_interval([[1.0, 1.0]], gwet_ac1, rng=np.random.default_rng(0)).low)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="same items"):
        cohen_kappa(["a"], [])
    with pytest.raises(ValueError, match="weights need labels"):
        cohen_kappa(["a"], ["a"], weights="linear")
    with pytest.raises(ValueError, match="no such label: 'b'"):
        cohen_kappa(["a"], ["b"], labels=["a"])
    with pytest.raises(ValueError, match="square table"):
        kappa_of_table([[1, 2]])
    with pytest.raises(ValueError, match="equally many"):
        fleiss_kappa([[1, 2], [1, 1]])
    with pytest.raises(ValueError, match="items × raters"):
        krippendorff_alpha([1.0])
    with pytest.raises(ValueError, match="starts at 0"):
        krippendorff_alpha([[-1.0, 1.0]], "ratio")
    with pytest.raises(ValueError, match="none of the labels"):
        gwet_ac1([[1.0, 3.0]], labels=[1, 2])
