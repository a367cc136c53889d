"""Bradley–Terry: Agresti's baseball, a logistic regression as the oracle, coverage."""

from math import isnan, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special
from statsmodels.discrete.discrete_model import Logit

from llm_eval.stats.ranking import ELO_SCALE, bradley_terry, elo_expected, elo_update

TEAMS = ["Mil", "Det", "Tor", "NY", "Bos", "Cle", "Bal"]
BASEBALL = [
    [0, 7, 9, 7, 7, 9, 11],
    [6, 0, 7, 5, 11, 9, 9],
    [4, 6, 0, 7, 7, 8, 12],
    [6, 8, 6, 0, 6, 7, 10],
    [6, 2, 6, 7, 0, 7, 12],
    [4, 4, 5, 6, 6, 0, 6],
    [2, 4, 1, 3, 1, 7, 0],
]
AGRESTI = [1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0.0]
Game = tuple[str, str, float]


def baseball() -> list[Game]:
    return [
        (TEAMS[i], TEAMS[j], 1.0)
        for i, row in enumerate(BASEBALL)
        for j, wins in enumerate(row)
        for _ in range(wins)
    ]


def columns(games: list[Game]) -> tuple[list[str], list[str], list[float]]:
    return [g[0] for g in games], [g[1] for g in games], [g[2] for g in games]


def played(
    strengths: NDArray[np.float64], n: int, rng: np.random.Generator
) -> tuple[list[int], list[int], NDArray[np.float64]]:
    a = rng.integers(0, len(strengths), n)
    b = (a + rng.integers(1, len(strengths), n)) % len(strengths)
    won = rng.random(n) < special.expit(strengths[a] - strengths[b])
    return a.tolist(), b.tolist(), won.astype(float)


def test_strengths_of_agrestis_baseball_teams() -> None:
    ranking = bradley_terry(*columns(baseball()))
    found = [ranking.difference(team, "Bal").value if team != "Bal" else 0.0 for team in TEAMS]
    assert found == pytest.approx(AGRESTI, abs=5e-5)
    assert ranking.strengths.mean() == pytest.approx(0.0, abs=1e-12)


def test_statsmodels_agrees_on_strengths_and_robust_errors() -> None:
    rng = np.random.default_rng(0)
    a, b, won = played(np.array([0.5, 0.0, -0.3, -0.2]), 400, rng)
    prompts = rng.integers(0, 40, 400)
    ranking = bradley_terry(a, b, won, clusters=prompts.tolist())
    design = np.zeros((400, 4))
    design[np.arange(400), a], design[np.arange(400), b] = 1, -1
    model = Logit(won, design[:, 1:]).fit(
        disp=0, cov_type="cluster", cov_kwds={"groups": prompts, "use_correction": False}
    )
    for player in (1, 2, 3):
        difference = ranking.difference(player, 0)
        assert difference.value == pytest.approx(model.params[player - 1], abs=1e-6)
        expected = model.bse[player - 1] * np.sqrt(40 / 39)
        assert difference.stderr == pytest.approx(expected, rel=1e-4)


def test_two_players_differ_by_the_log_odds_and_a_tie_is_half_a_win() -> None:
    ranking = bradley_terry("aab", "bba", [1.0, 1.0, 1.0])
    assert ranking.difference("a", "b").value == pytest.approx(log(2))
    assert ranking.chance("a", "b") == pytest.approx(2 / 3)
    ties = bradley_terry("ab", "bc", [0.5, 0.5])
    assert ties.strengths == pytest.approx([0, 0, 0])


@given(st.randoms())
def test_neither_the_order_of_games_nor_who_is_named_first_matters(
    random: np.random.Generator,
) -> None:
    games = baseball()
    ranking = bradley_terry(*columns(games))
    random.shuffle(games)
    turned = [(b, a, 1 - won) if i % 2 else (a, b, won) for i, (a, b, won) in enumerate(games)]
    again = bradley_terry(*columns(turned))
    assert again.difference("Mil", "Bal") == pytest.approx(ranking.difference("Mil", "Bal"))


def test_playing_everything_twice_leaves_strengths_and_narrows_the_interval() -> None:
    once = bradley_terry(*columns(baseball())).difference("Mil", "Bal")
    twice = bradley_terry(*columns(baseball() * 2)).difference("Mil", "Bal")
    assert twice.value == pytest.approx(once.value)
    assert twice.stderr == pytest.approx(once.stderr / np.sqrt(2), rel=0.01)
    games = baseball()
    copies = bradley_terry(*columns(games * 2), clusters=list(range(len(games))) * 2)
    assert copies.difference("Mil", "Bal") == pytest.approx(once)


def test_ranks_stay_open_where_games_cannot_tell() -> None:
    ranks = bradley_terry(*columns(baseball())).ranks()
    assert ranks["Mil"].best == 1
    assert ranks["Det"].best == 1
    assert ranks["Cle"].worst == 6
    assert ranks["Bal"] == (7, 7)


def test_the_interval_covers_the_true_difference() -> None:
    rng = np.random.default_rng(1)
    strengths = np.array([0.8, 0.3, 0.0, -0.4, -0.7])
    covered = 0
    for _ in range(400):
        ranking = bradley_terry(*played(strengths, 300, rng))
        difference = ranking.difference(0, 3)
        covered += difference.low <= 1.2 <= difference.high
    assert 0.92 <= covered / 400 <= 0.98


def test_games_that_do_not_connect_everybody_are_refused() -> None:
    with pytest.raises(ValueError, match=r"nobody of \(a, b\) has beaten any of the others"):
        bradley_terry("abcd", "badc", [1.0, 1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"nobody of \(a\) has lost to any"):
        bradley_terry("aabc", "bccb", [1.0, 1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("first", "second", "outcome", "message"),
    [
        ("", "", [], "two players and an outcome"),
        ("a", "b", [2.0], "outcomes"),
        ("a", "b", [float("nan")], "outcomes"),
        ("a", "a", [1.0], "itself"),
    ],
)
def test_games_that_are_none_are_refused(
    first: str, second: str, outcome: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        bradley_terry(first, second, outcome)


def test_games_of_one_cluster_tell_nobody_apart() -> None:
    games = (["a", "a", "a", "b"], ["b", "b", "b", "a"], [1.0] * 4)
    found = bradley_terry(*games, clusters=["one prompt"] * 4)
    assert found.ranks() == {"a": (1, 2), "b": (1, 2)}
    assert isnan(found.difference("a", "b").stderr)


def test_clusters_need_a_label_a_game() -> None:
    with pytest.raises(ValueError, match="one label a game"):
        bradley_terry("ab", "ba", [1.0, 1.0], clusters=["x"])


def test_elo_of_the_reference() -> None:
    opponents = [1609, 1477, 1388, 1586, 1720]
    assert sum(elo_expected(1613, o) for o in opponents) == pytest.approx(2.8666, abs=2e-3)
    assert elo_update(1613, opponents, 2.5) == pytest.approx(1601.27, abs=0.005)


def test_ratings_are_strengths_in_elo_points() -> None:
    ranking = bradley_terry("aab", "bba", [1.0, 1.0, 1.0])
    ratings = ranking.elo()
    assert ratings["a"] - ratings["b"] == pytest.approx(log(2) * ELO_SCALE)
    assert elo_expected(ratings["a"], ratings["b"]) == pytest.approx(2 / 3)
