"""Sign flips: oracles, and the ties that floats would break."""

from itertools import product
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from llm_eval.stats.paired_rates import mcnemar
from llm_eval.stats.sign_flip import FLIP_DRAWS, sign_flip

A = [1, 1, 0, 1, 0, 1, 1, 0, 1, 1]
B = [1, 0, 0, 1, 0, 0, 1, 0, 1, 0]


def test_sign_flip_equals_the_exact_mcnemar_test_on_rates() -> None:
    p = sign_flip(np.subtract(B, A), np.random.default_rng(0))
    assert p == 0.25 == mcnemar(3, 0).exact


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9))
def test_exact_sign_flip_agrees_with_enumeration(d: list[int]) -> None:
    flipped = [
        abs(sum(s * x for s, x in zip(signs, d, strict=True)))
        for signs in product((1, -1), repeat=len(d))
    ]
    expected = np.mean(np.array(flipped) >= abs(sum(d)))
    assert sign_flip(d, np.random.default_rng(0)) == pytest.approx(expected)


def test_sign_flip_agrees_with_scipy() -> None:
    d = np.random.default_rng(3).normal(0.3, 1, 12)
    oracle = stats.permutation_test((d,), np.sum, permutation_type="samples", n_resamples=inf)
    assert sign_flip(d, np.random.default_rng(0)) == pytest.approx(oracle.pvalue)


def test_drawn_flips_come_close_to_exact_ones_and_depend_on_nothing_but_the_seed() -> None:
    d = np.repeat([1.0, -1.0], [40, 20])
    p = sign_flip(d, np.random.default_rng(0))
    assert p == pytest.approx(stats.binomtest(20, 60).pvalue, abs=0.004)
    assert p == sign_flip(np.random.default_rng(9).permutation(d), np.random.default_rng(0))
    assert sign_flip(np.ones(60), np.random.default_rng(0)) == 1e-4


def test_equal_differences_that_binary_floats_cannot_hold_still_tie() -> None:
    assert sign_flip([0.1] * 6, np.random.default_rng(0)) == 2 / 2**6


# Comparison


@pytest.mark.parametrize("n", [21, 24, 100, 299])
def test_patterns_are_looked_up_as_they_were_drawn(n: int) -> None:
    """Eight signs at a time give what each sign by itself gives."""
    d = np.random.default_rng(n).normal(0.1, 1, n)
    sizes = np.sort(np.abs(d))
    drawn = np.frombuffer(np.random.default_rng(4).bytes(FLIP_DRAWS * -(-n // 8)), np.uint8)
    signs = np.unpackbits(drawn.reshape(FLIP_DRAWS, -1), axis=1, count=n)
    sums = 2 * (signs @ sizes) - sizes.sum()
    expected = (1 + np.sum(np.abs(sums) >= abs(d.sum()))) / (FLIP_DRAWS + 1)
    assert sign_flip(d, np.random.default_rng(4)) == expected


def test_a_sum_of_nothing_is_no_evidence() -> None:
    assert sign_flip([], np.random.default_rng(0)) == 1.0
    assert sign_flip([0.5, -0.5, 0.0], np.random.default_rng(0)) == 1.0
