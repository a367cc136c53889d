"""Players ranked by their games: Bradley–Terry strengths with what the games can tell apart.

    >>> ranking = bradley_terry(["a", "a", "b"], ["b", "b", "a"], [1.0, 1.0, 1.0])
    >>> ranking.difference("a", "b").value  # ln(2): a wins two of three
    0.6931…

Strengths are logits: a beats b with chance 1 / (1 + e^(b − a)). Elo's rating is the same thing
times 400 / ln 10, but computed game by game it depends on the games' order (Boubdir et al. 2023,
arXiv 2311.17295); here it does not.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from llm_eval.stats.clusters import numbered

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

ELO_SCALE = 400 / log(10)
"""Elo points a logit."""
_STEPS = 100


class Difference(NamedTuple):
    """How much stronger one player is than another, in logits."""

    value: float
    stderr: float
    low: float
    high: float


class RankRange(NamedTuple):
    """The ranks that the games leave open to a player; 1 is the strongest."""

    best: int
    worst: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """Strengths of all players, in the order in which they first appear."""

    players: tuple[Hashable, ...]
    strengths: Floats
    """Logits; their mean is 0."""
    covariance: Floats
    """Players × players, robust to games of one cluster that hang together."""

    def difference(self, first: Hashable, second: Hashable, alpha: float = 0.05) -> Difference:
        """How much stronger `first` is than `second`."""
        return self._difference(self.players.index(first), self.players.index(second), alpha)

    def chance(self, first: Hashable, second: Hashable) -> float:
        """Chance that `first` beats `second`, ties counted half."""
        return float(special.expit(self.difference(first, second).value))

    def ranks(self, alpha: float = 0.05) -> dict[Hashable, RankRange]:
        """Each player's open ranks: a player stands below those significantly stronger."""
        everyone = range(len(self.players))
        found = {}
        for i, player in enumerate(self.players):
            others = [self._difference(i, j, alpha) for j in everyone if j != i]
            best = 1 + sum(difference.high < 0 for difference in others)
            found[player] = RankRange(best, len(others) + 1 - sum(d.low > 0 for d in others))
        return found

    def elo(self, mean: float = 1500.0) -> dict[Hashable, float]:
        """Strengths as ratings about `mean`."""
        ratings = mean + ELO_SCALE * self.strengths
        return dict(zip(self.players, ratings.tolist(), strict=True))

    def _difference(self, i: int, j: int, alpha: float) -> Difference:
        value = float(self.strengths[i] - self.strengths[j])
        c = self.covariance
        stderr = sqrt(max(float(c[i, i] + c[j, j] - 2 * c[i, j]), 0.0))
        half = float(special.ndtri(1 - alpha / 2)) * stderr
        return Difference(value, stderr, value - half, value + half)


def bradley_terry(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    outcome: ArrayLike,
    clusters: Sequence[Hashable] | None = None,
) -> Ranking:
    """Maximum-likelihood strengths (Bradley & Terry 1952) with sandwich errors (White 1982).

    Args:
        first: one player a game.
        second: the other player of each game.
        outcome: 1 where `first` won, 0 where `second` did, ½ for a tie.
        clusters: one label a game, for games about the same prompt; each its own where left out.

    Raises:
        ValueError: lengths differ, an outcome is outside 0…1, a player plays itself, or the games
            do not connect everybody by wins and losses: then no finite strength is likeliest.
    """
    scores = np.asarray(outcome, dtype=np.float64)
    _check(first, second, scores)
    players: dict[Hashable, int] = {}
    a = np.array([players.setdefault(player, len(players)) for player in first], dtype=np.intp)
    b = np.array([players.setdefault(player, len(players)) for player in second], dtype=np.intp)
    names = tuple(players)
    wins = np.zeros((len(names), len(names)))
    np.add.at(wins, (a, b), scores)
    np.add.at(wins, (b, a), 1 - scores)
    _check_connected(names, wins)
    strengths = _likeliest(wins)
    residuals = scores - special.expit(strengths[a] - strengths[b])
    meat = _meat(a, b, residuals, len(names), clusters)
    bread = np.linalg.inv(_information(strengths, wins + wins.T))
    return Ranking(names, strengths, np.asarray(bread @ meat @ bread, dtype=np.float64))


def elo_expected(rating: float, opponent: float) -> float:
    """Score that Elo's rating expects against an opponent."""
    return float(special.expit((rating - opponent) / ELO_SCALE))


def elo_update(
    rating: float, opponents: Sequence[float], score: float, factor: float = 32.0
) -> float:
    """Rating after games against `opponents` that earned `score` in all (wins + ½ · ties)."""
    expected = sum(elo_expected(rating, opponent) for opponent in opponents)
    return rating + factor * (score - expected)


def _likeliest(wins: Floats) -> Floats:
    """Newton's method, halving a step that overshoots; the likelihood has one peak."""
    games, strengths = wins + wins.T, np.zeros(len(wins))
    for _ in range(_STEPS):
        expected = games * special.expit(np.subtract.outer(strengths, strengths))
        gradient = np.sum(wins - expected, axis=1)
        if np.abs(gradient).max() <= 1e-10 * max(1.0, games.max()):
            break
        step = np.linalg.solve(_information(strengths, games), gradient)
        before = _likelihood(wins, strengths)
        while _likelihood(wins, strengths + step) < before - 1e-12 * abs(before):
            step = step / 2
        strengths = strengths + step
        strengths -= strengths.mean()
    return strengths


def _likelihood(wins: Floats, strengths: Floats) -> float:
    return float(np.sum(wins * special.log_expit(np.subtract.outer(strengths, strengths))))


def _information(strengths: Floats, games: Floats) -> Floats:
    """Negative Hessian; the added constant pins the mean, which no game tells."""
    p = special.expit(np.subtract.outer(strengths, strengths))
    weight = games * p * (1 - p)
    return np.asarray(np.diag(weight.sum(axis=1)) - weight + 1 / len(strengths), dtype=np.float64)


def _meat(
    a: Indices, b: Indices, residuals: Floats, players: int, clusters: Sequence[Hashable] | None
) -> Floats:
    """Sum over clusters of the outer product of their scores, with G / (G − 1)."""
    labels: Sequence[Hashable] = range(len(a)) if clusters is None else clusters
    if len(labels) != len(a):
        raise ValueError(f"clusters must have one label a game: {len(labels)} for {len(a)}")
    owner = numbered(labels)
    groups = 1 + int(owner.max())
    if groups < 2:  # one observation has no spread: nothing is known of any difference
        return np.full((players, players), np.nan)
    scores = np.zeros((groups, players))
    np.add.at(scores, (owner, a), residuals)
    np.add.at(scores, (owner, b), -residuals)
    return np.asarray(groups / (groups - 1) * (scores.T @ scores), dtype=np.float64)


def _check(first: Sequence[Hashable], second: Sequence[Hashable], outcome: Floats) -> None:
    if not len(first) == len(second) == len(outcome) > 0:
        raise ValueError(
            "each game needs two players and an outcome: "
            f"{len(first)}, {len(second)} and {len(outcome)}"
        )
    if not np.all((outcome >= 0) & (outcome <= 1)):
        raise ValueError("outcomes must lie between 0 (second won) and 1 (first won)")
    if any(a == b for a, b in zip(first, second, strict=True)):
        raise ValueError("a player cannot play itself")


def _check_connected(names: Sequence[Hashable], wins: Floats) -> None:
    """Everybody must reach everybody by a chain of wins (Ford 1957)."""
    for edges, lack in ((wins > 0, "beaten"), (wins.T > 0, "lost to")):
        reached = np.zeros(len(names), dtype=bool)
        reached[0] = True
        while True:
            grown = reached | edges[reached].any(axis=0)
            if np.array_equal(grown, reached):
                break
            reached = grown
        if not reached.all():
            group = ", ".join(
                str(name) for name, inside in zip(names, reached, strict=True) if inside
            )
            raise ValueError(
                f"strengths cannot be compared: nobody of ({group}) has {lack} any of the"
                " others; play games between the two groups"
            )
