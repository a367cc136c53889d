"""What duels between runs add up to: wins, ties and losses, the judge's biases, a ranking.

{"pairs": [{"first": "run_…", "second": "run_…", "wins": 41, "ties": 30, "losses": 29, "n": 100,
            "win_rate": 0.56, "ci95": [0.46, 0.65], "p_value": 0.15, …}],
 "bias": {"flip_rate": {"value": 0.12, …}, "longer_wins": {"value": 0.61, …}, …},
 "ranking": [{"run_id": "run_…", "elo": 1540.2, "ranks": [1, 2]}, …]}
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import combinations
from math import isnan
from typing import Any

from llm_eval.review.duels import Duel, Played
from llm_eval.review.rate import rate
from llm_eval.scorers.family import related
from llm_eval.scorers.pairwise import PairOutcome
from llm_eval.stats.intervals import cluster_t_interval, wilson
from llm_eval.stats.paired_rates import mcnemar
from llm_eval.stats.ranking import bradley_terry

_POINTS = {"first": 1.0, "tie": 0.5, "second": 0.0}
POSITION_BIAS = 0.1
"""Share of decided duels that may turn with the order before it is worth a warning."""


def standings(played: Played, judges: Sequence[str]) -> dict[str, Any]:
    """The report on some duels.

    Args:
        played: all of them.
        judges: names, for the warnings.
    """
    ids = [run.run_id for run in played.runs]
    pairs = [_pair(played, pair) for pair in combinations(ids, 2)]
    bias = _bias(played.duels)
    ranking, why_none = _ranking(played)
    report: dict[str, Any] = {
        "status": "complete" if played.stopped is None and _is_whole(pairs) else "incomplete",
        "stopped": played.stopped,
        "runs": [{"run_id": run.run_id, "model": run.model} for run in played.runs],
        "judges": list(judges),
        "n_samples": played.n_samples,
        "pairs": pairs,
        "bias": bias,
        "disagreement": _disagreement(played.duels) if len(judges) > 1 else None,
        "ranking": ranking,
        "ranking_reason": why_none,
        "canaries": played.canaries.to_dict(),
    }
    return report | {"warnings": list(_warnings(report, played))}


def rows(played: Played) -> Iterator[dict[str, Any]]:
    """One object a duel, with both replies."""
    for duel in played.duels:
        outcome = duel.outcome
        yield {
            "sample": duel.sample.id,
            "sample_key": duel.sample.key,
            "slice": duel.sample.slice,
            "first": duel.first,
            "second": duel.second,
            "winner": outcome and outcome.winner,
            "consistent": outcome and outcome.consistent,
            "followed_position": outcome and outcome.chose_position,
            "identical": duel.identical,
            "unanimous": duel.unanimous,
            "state": duel.state or "scored",
            "first_reply": duel.two.first,
            "second_reply": duel.two.second,
        }


def _pair(played: Played, pair: tuple[str, str]) -> dict[str, Any]:
    duels = [d for d in played.duels if (d.first, d.second) == pair]
    decided = [(d, d.outcome) for d in duels if d.outcome is not None]
    counts = Counter(outcome.winner for _, outcome in decided)
    points = [_POINTS[outcome.winner] for _, outcome in decided]
    silent = Counter(d.state for d in duels if d.state is not None)
    n_missing = played.n_missing[pair]
    without = silent.total() + n_missing
    everything = len(points) + without
    return {
        "first": pair[0],
        "second": pair[1],
        "n": len(points),
        "wins": counts["first"],
        "ties": counts["tie"],
        "losses": counts["second"],
        "identical": sum(d.identical for d, _ in decided),
        "inconsistent": sum(not outcome.consistent for _, outcome in decided),
        "no_verdict": dict(silent),
        "n_missing": n_missing,
        "win_rate": sum(points) / len(points) if points else None,
        "ci95": _interval(points, [d.sample.cluster for d, _ in decided]),
        "win_rate_bounds": [sum(points) / everything, (sum(points) + without) / everything]
        if everything
        else [None, None],
        "p_value": _p_value(decided),
    }


def _p_value(decided: Sequence[tuple[Duel, PairOutcome]]) -> float | None:
    """Of the sign test on wins and losses; None where samples hang together in clusters."""
    if not decided or any(duel.sample.cluster is not None for duel, _ in decided):
        return None
    counts = Counter(outcome.winner for _, outcome in decided)
    return mcnemar(counts["first"], counts["second"]).exact


def _interval(points: Sequence[float], clusters: Sequence[str | None]) -> list[float | None]:
    """Wilson's, which a tie makes wider than needed; with clusters, the cluster-robust t."""
    if not points:
        return [None, None]
    low, high = wilson(sum(points), len(points))
    if any(cluster is not None for cluster in clusters):
        own = [c if c is not None else f"#{n}" for n, c in enumerate(clusters)]
        found = cluster_t_interval(points, own)
        if isnan(found.low):  # one document alone says nothing about others
            return [0.0, 1.0]
        low, high = max(0.0, min(low, found.low)), min(1.0, max(high, found.high))
    return [float(low), float(high)]


def _bias(duels: Sequence[Duel]) -> dict[str, Any]:
    asked = [d.outcome for d in duels if d.outcome is not None and not d.identical]
    n = len(asked)
    return {
        "flip_rate": rate(sum(not one.consistent for one in asked), n),
        "first_position_rate": rate(sum(one.chose_position == "one" for one in asked), n),
        "second_position_rate": rate(sum(one.chose_position == "two" for one in asked), n),
        "longer_wins": _longer_wins(duels),
    }


def _longer_wins(duels: Sequence[Duel]) -> dict[str, Any]:
    """Of duels with a winner and two lengths, how many the longer reply won."""
    won = [
        (len(d.two.first) > len(d.two.second)) == (d.outcome.winner == "first")
        for d in duels
        if d.outcome is not None
        and d.outcome.winner != "tie"
        and len(d.two.first) != len(d.two.second)
    ]
    return rate(sum(won), len(won))


def _ranking(played: Played) -> tuple[list[dict[str, Any]] | None, str | None]:
    """Bradley–Terry over three runs and more; None, and why, where there is none."""
    if len(played.runs) < 3:
        return None, None
    games = [(d, d.outcome) for d in played.duels if d.outcome is not None]
    clusters: list[Hashable] = [d.sample.cluster or d.sample.key for d, _ in games]
    try:
        found = bradley_terry(
            [d.first for d, _ in games],
            [d.second for d, _ in games],
            [_POINTS[outcome.winner] for _, outcome in games],
            clusters,
        )
    except ValueError as exc:
        return None, str(exc)
    models = {run.run_id: run.model for run in played.runs}
    elo, ranks = found.elo(), found.ranks()
    strengths = dict(zip(found.players, found.strengths.tolist(), strict=True))
    return [
        {
            "run_id": str(player),
            "model": models[str(player)],
            "strength": strengths[player],
            "elo": elo[player],
            "ranks": list(ranks[player]),
        }
        for player in sorted(strengths, key=lambda one: -strengths[one])
    ], None


def _disagreement(duels: Sequence[Duel]) -> float | None:
    asked = [d for d in duels if d.outcome is not None and not d.identical]
    return sum(not d.unanimous for d in asked) / len(asked) if asked else None


def _warnings(report: Mapping[str, Any], played: Played) -> Iterator[str]:
    judges = report["judges"]
    names = ", ".join(judges)
    for judge in judges:
        for run in played.runs:
            if (shared := related(judge, run.model)) is not None:
                yield (
                    f"judge {judge} and candidate {run.model} are of one family ({shared}): "
                    f"judges prefer their own"
                )
    if fooled := report["canaries"]["passed"]:
        yield f"judge {names} did not prefer the reference to canaries: {', '.join(fooled)}"
    flips = report["bias"]["flip_rate"]
    if flips["n"] and flips["value"] > POSITION_BIAS:
        yield (
            f"{100 * flips['value']:.0f} % of the answers turned with the order of the replies: "
            f"they count as ties"
        )
    longer = report["bias"]["longer_wins"]
    if longer["n"] and not longer["ci95"][0] <= 0.5 <= longer["ci95"][1]:
        yield f"the {'longer' if longer['value'] > 0.5 else 'shorter'} reply wins more often"
    if len({run.recipe.get("prompt_hash") for run in played.runs}) > 1:
        yield "the runs were asked differently; the judge is shown what the first of them was asked"
    for pair in report["pairs"]:
        if without := sum(pair["no_verdict"].values()) + pair["n_missing"]:
            low, high = pair["win_rate_bounds"]
            yield (
                f"{pair['first']} against {pair['second']}: {without} samples without a verdict; "
                f"whatever they had been, the win rate lies within {low:.1%} and {high:.1%}"
            )
    if report["ranking_reason"] is not None:
        yield f"no ranking: {report['ranking_reason']}"


def _is_whole(pairs: Sequence[Mapping[str, Any]]) -> bool:
    return not any(pair["n_missing"] or pair["no_verdict"] for pair in pairs)
