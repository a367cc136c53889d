"""How often a verdict is wrong: `python -m benchmarks.gate_simulation`.

Each number is the share of seeded simulations in which something happened, in the functions that
`llm-eval compare` and `llm-eval gate` call.

    a model       answers sample i right with its own chance eᵢ ~ Beta of mean p; a second run
                  draws anew, so that unchanged runs correlate by .5
    graded        a score between 0 and 1 about eᵢ, instead of right or wrong
    clustered     five questions a document, which share .3 of the luck of a run
    ten points    every eᵢ · (p − .1) / p; graded scores − .1

Rules that others gate by stand beside ours. *Average*: the mean must reach the model's true rate.
*Exact*: one-sided exact McNemar at .05, which knows no documents (NeMo Evaluator 0.3).
*Unpaired*: a two-sided z-test of two independent means.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from benchmarks.table import show
from llm_eval.compare.choices import DEFAULT_MARGIN
from llm_eval.stats.paired import compare_paired

Floats = NDArray[np.float64]
Shares = Mapping[str, float]

ALPHA = 0.05
SIZES = (20, 50, 100, 200, 500, 1000)
RATES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
QUESTIONS, SHARED_LUCK = 5, 0.3
DROP, DROP_SIZE = 0.1, 200
CORRELATIONS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
SPREAD = 0.8
"""Of a graded score about its sample's own level, on the logit scale."""
ENOUGH = 20
"""Effective units that differ: with fewer, the outcomes are too few to add up to alpha."""
_CRITICAL = float(special.ndtri(1 - ALPHA / 2))


@dataclass(frozen=True)
class Population:
    """What the scores of simulated runs are drawn from."""

    p: float
    graded: bool = False
    clustered: bool = False

    @property
    def name(self) -> str:
        """As the tables call it."""
        return ("graded" if self.graded else "rates") + (", clustered" if self.clustered else "")

    @cached_property
    def mean(self) -> float:
        """The true mean of a run that nothing changed."""
        if not self.graded:
            return self.p
        return float(self.pair(400_000, np.random.default_rng(0))[0].mean())

    def clusters(self, n: int) -> NDArray[np.intp] | None:
        """The document of each sample."""
        return np.arange(n) // QUESTIONS if self.clustered else None

    def pair(self, n: int, rng: np.random.Generator, drop: float = 0.0) -> tuple[Floats, Floats]:
        """Scores of the baseline, and of a run whose true mean is `drop` lower."""
        ease = rng.beta(self.p, 1 - self.p, n)
        luck, other_luck = self._luck(n, rng), self._luck(n, rng)
        if self.graded:
            level = special.logit(np.clip(ease, 1e-6, 1 - 1e-6))
            after = special.expit(level + SPREAD * other_luck) - drop
            return special.expit(level + SPREAD * luck), after
        chance = special.ndtri(ease)
        harder = special.ndtri(ease * (self.p - drop) / self.p)
        return (luck < chance).astype(float), (other_luck < harder).astype(float)

    def _luck(self, n: int, rng: np.random.Generator) -> Floats:
        own = rng.normal(size=n)
        if not self.clustered:
            return own
        documents = rng.normal(size=-(-n // QUESTIONS))[np.arange(n) // QUESTIONS]
        return sqrt(SHARED_LUCK) * documents + sqrt(1 - SHARED_LUCK) * own


def simulated(population: Population, n: int, runs: int, drop: float = 0.0) -> Shares:
    """How often each thing happens between two runs of `n` samples."""
    rng = np.random.default_rng([n, round(1000 * population.p), round(1000 * drop)])
    clusters, counts, units = population.clusters(n), Counter[str](), 0.0
    for seed in range(runs):
        before, after = population.pair(n, rng, drop)
        found = compare_paired(
            before, after, clusters=clusters, alpha=ALPHA, margin=DEFAULT_MARGIN, seed=seed
        )
        is_open = found.verdict == "inconclusive"
        counts["blocked"] += found.verdict == "regressed"
        counts["rejected"] += found.p_value <= ALPHA and not found.ci_low <= 0 <= found.ci_high
        counts["open"] += is_open
        counts["covered"] += found.ci_low <= -drop <= found.ci_high
        counts["advised"] += is_open and found.required_n is not None
        counts["average"] += after.mean() < population.mean
        counts["exact"] += exact_blocks(before, after)
        counts["unpaired"] += unpaired_blocks(before, after)
        units += _units(before, after, clusters)
    return {name: count / runs for name, count in counts.items()} | {"units": units / runs}


def _units(before: Floats, after: Floats, clusters: NDArray[np.intp] | None) -> float:
    """Pairs or documents that differ; many small differences beside a large one count little."""
    d = after - before
    squares = (d if clusters is None else np.bincount(clusters, weights=d)) ** 2
    return float(squares.sum() ** 2 / (squares**2).sum()) if squares.any() else 0.0


def exact_blocks(before: Floats, after: Floats) -> bool:
    """One-sided exact McNemar; of graded scores it is the sign test."""
    lost, gained = int(np.sum(after < before)), int(np.sum(after > before))
    return lost > gained and bool(special.bdtr(gained, lost + gained, 0.5) <= ALPHA)


def unpaired_blocks(before: Floats, after: Floats) -> bool:
    """A two-sided z-test of two independent means."""
    variance = (before.var(ddof=1) + after.var(ddof=1)) / len(before)
    return bool(before.mean() - after.mean() > _CRITICAL * sqrt(variance))


def main(argv: Sequence[str] = ()) -> None:
    """Every table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=4000, help="simulations a cell (4000)")
    parser.add_argument("--cells", action="store_true", help="one row for each p, no ranges")
    args = parser.parse_args(argv)
    print(f"\nUnchanged re-runs, {args.runs:,} a cell:\n")
    columns = ("units", "blocked", "rejected", "covered", "average", "exact")
    show(["scores", "n", "p", *columns], _unchanged(args.runs, columns, cells=args.cells))
    print(f"\nA true drop of ten points at n = {DROP_SIZE}:\n")
    show(["scores", "p", *_DROPPED], _dropped(args.runs))
    print(f"\nPower against the unpaired test, by correlation, n = {DROP_SIZE}:\n")
    show(["scores", "correlation", "paired", "unpaired", "higher"], _power(args.runs))


_KINDS = [(clustered, graded) for clustered in (False, True) for graded in (False, True)]


def _unchanged(runs: int, columns: Sequence[str], *, cells: bool) -> Iterator[Sequence[object]]:
    """Cells with enough pairs that differ apart from those where outcomes are few."""
    for clustered, graded in _KINDS:
        for n in SIZES:
            found = {p: simulated(Population(p, graded, clustered), n, runs) for p in RATES}
            name = Population(0.5, graded, clustered).name
            groups = (
                [(f"{p}", [shares]) for p, shares in found.items()]
                if cells
                else _by_discreteness(found)
            )
            for label, group in groups:
                yield name, n, label, *(_range([one[c] for one in group], c) for c in columns)


def _by_discreteness(found: Mapping[float, Shares]) -> list[tuple[str, list[Shares]]]:
    fine = [p for p, shares in found.items() if shares["units"] >= ENOUGH]
    coarse = [p for p in found if p not in fine]
    return [
        (f"{ps[0]}–{ps[-1]}" if len(ps) > 1 else f"{ps[0]}", [found[p] for p in ps])
        for ps in (fine, coarse)
        if ps
    ]


def _range(values: Sequence[float], column: str) -> str:
    scale, digits = (1, 0) if column == "units" else (100, 1)
    low, high = (f"{scale * end:.{digits}f}" for end in (min(values), max(values)))
    return low if low == high else f"{low}–{high}"


_DROPPED = ("blocked", "open, with the n that decides", "open without", "covered", "exact")


def _dropped(runs: int) -> Iterator[Sequence[object]]:
    for clustered, graded in _KINDS:
        for p in RATES:
            population = Population(p, graded, clustered)
            shares = simulated(population, DROP_SIZE, runs, DROP)
            silent = shares["open"] - shares["advised"]
            shown = (shares["blocked"], shares["advised"], silent, shares["covered"])
            yield population.name, p, *(f"{100 * x:.1f}" for x in (*shown, shares["exact"]))


def _power(runs: int) -> Iterator[Sequence[object]]:
    """Both tests over the same simulated runs."""
    for graded in (False, True):
        for correlation in CORRELATIONS:
            rng, counts = np.random.default_rng(7), Counter[str]()
            for seed in range(runs):
                before, after = _correlated(graded, correlation, rng)
                found = compare_paired(before, after, alpha=ALPHA, seed=seed)
                counts["paired"] += found.verdict == "regressed"
                counts["unpaired"] += unpaired_blocks(before, after)
            paired, unpaired = (100 * counts[name] / runs for name in ("paired", "unpaired"))
            name = "graded" if graded else "rates, .8 to .7"
            yield name, correlation, f"{paired:.1f}", f"{unpaired:.1f}", paired > unpaired


def _correlated(
    graded: bool, correlation: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Two runs of the given correlation; the second is worse."""
    if graded:
        shared, own, other = rng.normal(size=(3, DROP_SIZE))
        scale = 0.4  # so that the unpaired test finds the drop two times in three
        before, after = (
            scale * (sqrt(correlation) * shared + sqrt(1 - correlation) * noise)
            for noise in (own, other)
        )
        return before, after - DROP
    p, q = 0.8, 0.7
    both = p * q + correlation * sqrt(p * (1 - p) * q * (1 - q))
    cell = rng.choice(4, size=DROP_SIZE, p=[both, p - both, q - both, 1 - p - q + both])
    return (cell < 2).astype(float), ((cell == 0) | (cell == 2)).astype(float)


if __name__ == "__main__":
    main(sys.argv[1:])
