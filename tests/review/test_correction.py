"""Simulations: the corrected interval covers where the judge's own mean does not.

A judge with sensitivity .95 and specificity .60 on replies of which 70 % are right; 100 labels and
2,000 judged replies.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from llm_eval.review.correction import Judged, correct, corrected_mean, corrected_rate
from llm_eval.stats.intervals import t_interval

TRUE_RATE, N_LABELS, N_JUDGED = 0.7, 100, 2000
ROUNDS = 1500
Floats = NDArray[np.float64]


def draw(rng: np.random.Generator, sensitivity: float, specificity: float) -> tuple[Floats, Floats]:
    """What people and judge say of every reply."""
    right = rng.random(N_JUDGED) < TRUE_RATE
    passed = np.where(
        right, rng.random(N_JUDGED) < sensitivity, rng.random(N_JUDGED) >= specificity
    )
    return right.astype(float), passed.astype(float)


def at_random(right: Floats, passed: Floats) -> Judged:
    return Judged(right[:N_LABELS], passed[:N_LABELS], passed[N_LABELS:])


def by_verdict(right: Floats, passed: Floats) -> Judged:
    """Three quarters of the labels go to the replies that the judge failed, which are the fewer."""
    fails, passes = np.flatnonzero(passed == 0)[:75], np.flatnonzero(passed == 1)[:25]
    chosen = np.concatenate([fails, passes])
    rest = np.setdiff1d(np.arange(len(right)), chosen)
    return Judged(
        right[chosen],
        passed[chosen],
        passed[rest],
        passed[chosen] == 1,
        passed[rest] == 1,
    )


@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.95, 0.60), (0.92, 0.80)])
def test_the_corrected_interval_covers_as_it_says(sensitivity: float, specificity: float) -> None:
    rng = np.random.default_rng(20240601)
    covered = []
    for _ in range(ROUNDS):
        found = correct(at_random(*draw(rng, sensitivity, specificity)))
        covered.append(found.low <= TRUE_RATE <= found.high)
    assert 0.93 <= np.mean(covered) <= 0.97


def test_the_judges_own_mean_covers_nothing() -> None:
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(300):
        _, passed = draw(rng, 0.95, 0.60)
        own = t_interval(passed)
        covered.append(own.low <= TRUE_RATE <= own.high)
    assert np.mean(covered) <= 0.5


def test_labels_drawn_by_the_verdict_leave_no_bias() -> None:
    rng = np.random.default_rng(7)
    found = [correct(by_verdict(*draw(rng, 0.95, 0.60))) for _ in range(ROUNDS)]
    assert np.mean([one.value for one in found]) == pytest.approx(TRUE_RATE, abs=0.006)
    assert np.mean([one.low <= TRUE_RATE <= one.high for one in found]) >= 0.93
    naive = [by_verdict(*draw(rng, 0.95, 0.60)).labels.mean() for _ in range(100)]
    assert abs(np.mean(naive) - TRUE_RATE) > 0.1


@pytest.mark.parametrize("judge_errs", [False, True])
def test_a_few_labels_that_are_all_alike_are_no_certainty(judge_errs: bool) -> None:
    judged_only = np.array([1.0, 1.0, 0.0] * 20 if judge_errs else [1.0] * 60)
    found = [corrected_mean(Judged(np.ones(n), np.ones(n), judged_only)) for n in (2, 5, 100)]
    low = [one["ci95"][0] for one in found]
    assert [one["value"] for one in found] == [1.0] * 3
    assert [one["ci95"][1] for one in found] == [1.0] * 3
    assert low[0] < low[1] < low[2] < 0.99
    assert low[1] < 0.6  # Wilson's of 5 of 5 begins at .57
    assert low[2] > 0.95


def test_a_label_is_worth_half_again_as_much_with_the_judge() -> None:
    rng = np.random.default_rng(3)
    gains = [correct(at_random(*draw(rng, 0.95, 0.60))).gain for _ in range(300)]
    assert np.mean(gains) >= 1.5


def test_the_rate_by_sensitivity_and_specificity_covers() -> None:
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(600):
        rate = corrected_rate(at_random(*draw(rng, 0.95, 0.60)))
        assert rate is not None
        covered.append(rate["ci95"][0] <= TRUE_RATE <= rate["ci95"][1])
    assert np.mean(covered) >= 0.93


def test_the_labels_that_halve_the_interval_do() -> None:
    rng = np.random.default_rng(11)
    right, passed = draw(rng, 0.95, 0.60)
    block = corrected_mean(at_random(right, passed))
    needed = block["labels_to_halve"]
    assert needed is not None
    assert 3 * N_LABELS < needed < N_JUDGED
    more = correct(Judged(right[:needed], passed[:needed], passed[needed:]))
    assert more.stderr == pytest.approx(block["stderr"] / 2, rel=0.15)


def test_a_judge_no_better_than_chance_is_said_to_be() -> None:
    said = Judged(np.array([1.0, 1, 0, 0]), np.array([0.0, 0, 1, 1]), np.array([1.0, 0]))
    rate = corrected_rate(said)
    assert rate is not None
    assert rate["value"] is None
    assert "no better than chance" in rate["reason"]
