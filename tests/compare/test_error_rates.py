"""How often a comparison is wrong, over metrics and slices together: seeded simulations."""

from dataclasses import dataclass

import numpy as np

from llm_eval.compare.comparison import Comparison, compare_runs
from llm_eval.metrics.float_columns import as_columns
from llm_eval.metrics.score_table import ScoreTable
from llm_eval.metrics.usage_table import UsageTable
from llm_eval.types import RunInfo

METRICS = [
    {"name": "exact_match", "kind": "rate", "worst": 0.0, "best": 1.0},
    {"name": "valid", "kind": "rate", "worst": 0.0, "best": 1.0},
    {"name": "f1", "kind": "mean", "worst": 0.0, "best": 1.0},
]
N_SLICES = 5


@dataclass
class Memory:
    """Two runs that no database holds."""

    tables: dict[str, ScoreTable]

    def score_table(self, run_id: str) -> ScoreTable:
        return self.tables[run_id]

    def usage_table(self, run_id: str) -> UsageTable:
        nothing = np.full(len(self.tables[run_id].keys), np.nan)
        return UsageTable(self.tables[run_id].indices, *[nothing] * 4)

    def sample_ids(self, run_id: str, indices: list[int]) -> dict[int, str]:
        return {index: str(index) for index in indices}


def rerun(rng: np.random.Generator, ease: np.ndarray, drop: float) -> ScoreTable:
    """One run: each sample succeeds by its own chance, less `drop`."""
    n = len(ease)
    right = rng.random((n, 2)) < np.clip(ease - drop, 0, 1)[:, None]
    grade = np.clip(ease - drop + rng.normal(0, 0.1, n), 0, 1)
    return ScoreTable(
        ("exact_match", "valid", "f1"),
        np.arange(n),
        [str(index) for index in range(n)],
        [(f"slice {index % N_SLICES}",) for index in range(n)],
        [None] * n,
        np.zeros(n, dtype=np.bool_),
        as_columns(np.column_stack([right.astype(float), grade])),
    )


def simulated(seed: int, *, n: int, drop: float) -> Comparison:
    rng = np.random.default_rng(seed)
    ease = rng.beta(3, 1.2, n)
    tables = {"a": rerun(rng, ease, 0.0), "b": rerun(rng, ease, drop)}
    runs = [RunInfo(name, "t", "m", "", {"metrics": METRICS}, "complete", n, n) for name in tables]
    return compare_runs(Memory(tables), runs[0], runs[1:])[0]  # type: ignore[arg-type]


def test_unchanged_runs_are_blocked_at_most_as_often_as_alpha() -> None:
    """Over three metrics and fifteen slice tests; 300 re-runs, so at most 5 % and 1.3 % noise."""
    blocked = sum(simulated(seed, n=150, drop=0.0).regressed for seed in range(300))
    assert blocked / 300 <= 0.063


def test_a_drop_of_ten_points_is_blocked() -> None:
    found = [simulated(seed, n=200, drop=0.1) for seed in range(60)]
    assert sum(comparison.regressed for comparison in found) / 60 >= 0.8
    open_ones = [c.metrics["exact_match"] for c in found if not c.regressed]
    assert all(metric.required_n for metric in open_ones)
