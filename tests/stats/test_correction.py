"""Judge correction: vectors of the reference, and coverage where the judge errs."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from llm_eval.stats.correction import Corrected, prediction_powered, rogan_gladen

Y = [1, 0, 1, 1, 0, 1, 0, 1, 1, 0]
F = [0.9, 0.2, 0.8, 0.7, 0.4, 0.6, 0.1, 0.9, 0.5, 0.3]
U = [
    0.8, 0.3, 0.6, 0.9, 0.2, 0.7, 0.5, 0.4, 0.1, 0.95,
    0.85, 0.15, 0.55, 0.65, 0.35, 0.75, 0.25, 0.45, 0.05, 0.99,
]  # fmt: skip
unit = st.floats(0, 1)


@pytest.mark.parametrize(
    ("weight", "value", "low", "high"),
    [
        (1.0, 0.5845, 0.3664877, 0.8025123),
        (None, 0.5855082411, 0.3670337785, 0.8039827041),
        (0.0, 0.6, 0.2963637, 0.9036363),
    ],
)
def test_prediction_powered_means_of_the_reference(
    weight: float | None, value: float, low: float, high: float
) -> None:
    result = prediction_powered(Y, F, U, weight=weight)
    assert (result.value, result.low, result.high) == pytest.approx((value, low, high), abs=1e-7)


def test_the_best_weight_of_the_reference() -> None:
    assert prediction_powered(Y, F, U).weight == pytest.approx(0.9349521754, abs=1e-9)


@given(
    st.lists(st.tuples(unit, unit), min_size=2, max_size=30),
    st.lists(unit, max_size=30),
)
def test_the_interval_holds_the_estimate_and_the_weight_its_range(
    labelled: list[tuple[float, float]], others: list[float]
) -> None:
    result = prediction_powered([y for y, _ in labelled], [f for _, f in labelled], others)
    assert result.low <= result.value <= result.high
    assert 0 <= result.weight <= 1


def test_a_useless_judge_gets_no_weight() -> None:
    assert prediction_powered(Y, np.ones(10), np.ones(50)).weight == 0.0
    assert prediction_powered(Y, 1 - np.array(Y), [0.0, 1.0]).weight == 0.0
    assert prediction_powered(Y, F, []).value == 0.6


def test_a_perfect_judge_makes_every_judgement_a_label() -> None:
    everyone = [0.0, 1.0] * 5000
    result = prediction_powered(Y, Y, everyone)
    assert result.value == pytest.approx(0.5, abs=0.01)
    assert result.gain > 100


def verdicts(
    n: int, sensitivity: float, specificity: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """True labels, 70 % right, and what the judge makes of them."""
    truth = rng.random(n) < 0.7
    right = np.where(truth, rng.random(n) < sensitivity, rng.random(n) >= specificity)
    return truth.astype(float), right.astype(float)


@pytest.mark.parametrize(
    ("sensitivity", "specificity", "bias", "narrower"),
    [(0.95, 0.60, 0.085, 0.80), (0.92, 0.80, 0.004, 0.70)],
)
def test_correction_covers_whether_or_not_the_judges_errors_cancel(
    sensitivity: float, specificity: float, bias: float, narrower: float
) -> None:
    rng = np.random.default_rng(1)
    covered, naive, ratios = 0, 0.0, []
    for _ in range(1000):
        truth, judged = verdicts(2100, sensitivity, specificity, rng)
        result: Corrected = prediction_powered(truth[:100], judged[:100], judged[100:])
        covered += result.low <= 0.7 <= result.high
        naive += float(judged.mean()) / 1000
        ratios.append(1 / sqrt(result.gain))
    assert covered / 1000 >= 0.93
    assert naive - 0.7 == pytest.approx(bias, abs=0.002)
    assert np.mean(ratios) == pytest.approx(narrower, abs=0.02)


def test_rogan_gladen_of_the_reference() -> None:
    rate = rogan_gladen((80, 100), specificity=(85, 100), sensitivity=(90, 100))
    assert rate.value == pytest.approx(0.8666667, abs=1e-7)


def test_a_perfect_judge_needs_no_correction() -> None:
    rate = rogan_gladen((700, 1000), specificity=(10_000, 10_000), sensitivity=(10_000, 10_000))
    assert rate.value == 0.7
    assert rate == pytest.approx((0.7, 0.671, 0.728), abs=0.002)


@pytest.mark.parametrize("labelled", [(30, 30), (50, 100), (200, 200)])
def test_rogan_gladen_covers_with_few_labels_too(labelled: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    wrong, right = labelled
    covered = 0
    for _ in range(2000):
        rate = rogan_gladen(
            (int(rng.binomial(2000, 0.7 * 0.9 + 0.3 * 0.2)), 2000),
            specificity=(int(rng.binomial(wrong, 0.8)), wrong),
            sensitivity=(int(rng.binomial(right, 0.9)), right),
        )
        covered += rate.low <= 0.7 <= rate.high
    assert 0.93 <= covered / 2000 <= 0.98


@given(st.tuples(*[st.integers(0, 50)] * 3))
def test_rogan_gladen_stays_a_rate(counts: tuple[int, int, int]) -> None:
    judged, specific, sensitive = counts
    if specific + sensitive > 50:
        rate = rogan_gladen((judged, 50), specificity=(specific, 50), sensitivity=(sensitive, 50))
        assert 0 <= rate.low <= rate.value <= rate.high <= 1


def test_a_judge_no_better_than_chance_is_refused() -> None:
    with pytest.raises(ValueError, match="no better than chance"):
        rogan_gladen((5, 10), specificity=(5, 10), sensitivity=(5, 10))


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="two or more labels"):
        prediction_powered([1.0], [1.0], [])
    with pytest.raises(ValueError, match="finite"):
        prediction_powered([1.0, float("nan")], [1.0, 1.0], [])
    with pytest.raises(ValueError, match="weight must"):
        prediction_powered(Y, F, U, weight=2.0)
    with pytest.raises(ValueError, match="only the judge"):
        prediction_powered(Y, F, [], weight=0.5)
    with pytest.raises(ValueError, match="0 ≤ count"):
        rogan_gladen((11, 10), specificity=(5, 10), sensitivity=(9, 10))
