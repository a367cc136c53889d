"""Which replies to label next: where a label takes most doubt from the corrected score.

Replies are drawn within each verdict of the judge (pass, fail), more where it errs more and where
there are more of them (Neyman 1934); within a verdict at random, so that the correction by verdict
stays unbiased.
"""

from collections.abc import Sequence
from math import sqrt

from llm_eval.fingerprint import digest
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.review.calibration import JudgedReply, Pair, judged_replies, pair_up
from llm_eval.scorers.rubric import Rubric
from llm_eval.types import RunInfo


def next_replies(
    judged: Sequence[JudgedReply], pairs: Sequence[Pair], n: int, *, seed: int = 0
) -> list[JudgedReply]:
    """`n` replies without a label, or all that there are.

    Args:
        judged: all replies with a verdict.
        pairs: those that people have labelled.
        n: how many.
        seed: decides the draw within a verdict.
    """
    labelled = {pair.judged.item for pair in pairs}
    waiting: dict[bool, list[JudgedReply]] = {True: [], False: []}
    for reply in sorted(judged, key=lambda reply: digest((seed, reply.item))):
        if reply.item not in labelled:
            waiting[reply.passed].append(reply)
    chosen: list[JudgedReply] = []
    counts = {verdict: _labelled(pairs, verdict) for verdict in waiting}
    while len(chosen) < n and any(waiting.values()):
        verdict = max(
            (v for v in waiting if waiting[v]),
            key=lambda v: _gain(judged, pairs, v, counts[v]),
        )
        chosen.append(waiting[verdict].pop(0))
        counts[verdict] += 1
    return chosen


def suggest(
    storage: MetricsStorage,
    info: RunInfo,
    rubric: Rubric,
    n: int,
    *,
    seed: int = 0,
    metric: str | None = None,
) -> list[str]:
    """Ids of the samples whose replies to label next."""
    judged = judged_replies(storage, info, rubric, metric)
    pairs = pair_up(judged, storage.labels.given(rubric.scale), rubric)
    return [reply.sample_id for reply in next_replies(judged, pairs, n, seed=seed)]


def _gain(
    judged: Sequence[JudgedReply], pairs: Sequence[Pair], verdict: bool, n_labels: int
) -> float:
    """How much variance one more label under this verdict takes away, up to a factor."""
    share = sum(reply.passed == verdict for reply in judged)
    errors = sum(p.passed != verdict for p in pairs if p.judged.passed == verdict)
    rate = (errors + 1) / (_labelled(pairs, verdict) + 2)
    spread = share * sqrt(rate * (1 - rate))
    return spread**2 / (n_labels + 1) - spread**2 / (n_labels + 2)


def _labelled(pairs: Sequence[Pair], verdict: bool) -> int:
    return sum(pair.judged.passed == verdict for pair in pairs)
