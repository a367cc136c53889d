"""pass@k and pass^k: reference vectors, and simulation of what they estimate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_eval.stats.passk import pass_at_k, pass_hat_k


@pytest.mark.parametrize(
    ("n", "c", "k", "expected"),
    [
        (10, 3, 1, 0.3),
        (10, 3, 5, 0.9166666667),
        (200, 1, 100, 0.5),
        (200, 50, 10, 0.9479063706),
        (100, 7, 10, 0.5332595857),
        (5, 5, 5, 1.0),
        (5, 0, 1, 0.0),
    ],
)
def test_pass_at_k_of_the_reference(n: int, c: int, k: int, expected: float) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(expected, abs=1e-10)


def test_pass_hat_k_of_the_reference() -> None:
    assert pass_hat_k(8, 6, 4) == pytest.approx(15 / 70)


@given(st.integers(1, 60), st.data())
def test_one_try_is_the_rate_and_more_tries_help_one_and_hurt_all(
    n: int, data: st.DataObject
) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    assert pass_at_k(n, c, 1) == pytest.approx(c / n) == pass_hat_k(n, c, 1)
    assert pass_hat_k(n, c, k) <= c / n + 1e-12
    assert pass_at_k(n, c, k) >= c / n - 1e-12


def test_both_are_unbiased() -> None:
    right = np.random.default_rng(0).binomial(10, 0.3, 20_000)
    assert np.mean([pass_at_k(10, int(c), 4) for c in right]) == pytest.approx(1 - 0.7**4, abs=0.01)
    assert np.mean([pass_hat_k(10, int(c), 4) for c in right]) == pytest.approx(0.3**4, abs=0.002)


@pytest.mark.parametrize(("n", "c", "k"), [(5, 6, 1), (5, 1, 6), (5, 1, 0), (5, -1, 1)])
def test_more_tries_than_were_made_are_refused(n: int, c: int, k: int) -> None:
    for estimate in (pass_at_k, pass_hat_k):
        with pytest.raises(ValueError, match="need 0 ≤ c ≤ n"):
            estimate(n, c, k)
