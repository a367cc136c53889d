"""Quantiles as scipy has them, without its import."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import special

from llm_eval.stats.quantiles import normal_quantile, student_quantile

LEVELS = (0.5001, 0.6, 0.9, 0.95, 0.975, 0.995, 0.999, 1 - 0.05 / 800)


@pytest.mark.parametrize("p", [1e-9, 1e-4, 0.025, 0.5, *LEVELS, 1 - 1e-9])
def test_normal_quantiles(p: float) -> None:
    assert normal_quantile(p) == pytest.approx(special.ndtri(p), rel=1e-13, abs=1e-16)


@pytest.mark.parametrize("p", LEVELS)
@pytest.mark.parametrize("df", [*range(1, 40), 99, 100, 101, 500, 999, 1000, 1001, 10_000, 10**6])
def test_student_quantiles(p: float, df: int) -> None:
    assert student_quantile(p, df) == pytest.approx(special.stdtrit(df, p), rel=2e-12)
    assert student_quantile(1 - p, df) == pytest.approx(special.stdtrit(df, 1 - p), rel=2e-12)


def test_a_published_table() -> None:
    """Student's table at 97.5 %, as every textbook prints it."""
    table = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 10: 2.228, 30: 2.042, 120: 1.980}
    assert {df: round(student_quantile(0.975, df), 3) for df in table} == table


@given(some.floats(0.001, 0.999), some.integers(1, 3000))
def test_the_quantile_is_where_scipys_distribution_says(p: float, df: int) -> None:
    assert special.stdtr(df, student_quantile(p, df)) == pytest.approx(p, rel=1e-10)


def test_a_run_imports_no_scipy() -> None:
    code = "import sys, llm_eval.cli.run; print(any(m.startswith('scipy') for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
