"""What a judge does when nothing but its circumstances change: order of two replies, another draw.

>>> probe(storage, info, rubric, 20)
{"n": 20, "swap_flip_rate": 0.15, "first_position_rate": 0.1, "self_consistency": 0.93, …}
"""

import asyncio
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from llm_eval.errors import ConfigError
from llm_eval.event_loop import in_own_loop
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.base import BaseModel
from llm_eval.models.budget import Budget
from llm_eval.review.items import Item, asked_of, items_of, shuffled
from llm_eval.scorers.judge_models import build_judges
from llm_eval.scorers.judge_prompt import Case
from llm_eval.scorers.opinion import Asking, Opinion, form_opinion
from llm_eval.scorers.pairwise import PairOutcome, TwoReplies, compare_pair, pair_fitting
from llm_eval.scorers.rubric import Rubric
from llm_eval.scorers.verdict import NoVerdictError
from llm_eval.types import RunInfo

DRAWS = 3


def probe(
    storage: MetricsStorage,
    info: RunInfo,
    rubric: Rubric,
    n: int,
    *,
    judge_model: str | None = None,
) -> dict[str, Any]:
    """Ask a run's judge about `n` of its replies in both orders, and three times each.

    Args:
        storage: holds run and cache.
        info: a judged run.
        rubric: what it was judged by.
        n: replies; each makes a pair with the reply to the next sample.
        judge_model: SPEC; None: the run's own, where names sufficed to start it.

    Raises:
        ConfigError: nobody says which judge to ask.
    """
    spec = judge_model or asked_of(info).get("judge_model")
    if spec is None:
        raise ConfigError(f"run {info.run_id} does not name its judge: give --judge-model SPEC")
    judges = build_judges(spec, cache=storage.cache(), budget=Budget())
    items = shuffled(items_of(storage, info, rubric), 0)[:n]
    return in_own_loop(lambda: _probe_all(judges, rubric, items))


async def _probe_all(
    judges: Sequence[BaseModel], rubric: Rubric, items: Sequence[Item]
) -> dict[str, Any]:
    """Of a panel, every member is asked, and all that they said is counted together."""
    pairs: list[PairOutcome] = []
    opinions: list[Opinion] = []
    for judge in judges:
        own_pairs, own_opinions = await _probe(judge, rubric, items)
        pairs += own_pairs
        opinions += own_opinions
    return _report(pairs, opinions, len(items))


async def _probe(
    judge: BaseModel, rubric: Rubric, items: Sequence[Item]
) -> tuple[list[PairOutcome], list[Opinion]]:
    await judge.start()
    try:
        # One question, two replies: the item's own, and one that was given to another question.
        others = [*items[1:], *items[:1]]
        twos = [_two(item, other) for item, other in zip(items, others, strict=True)]
        judge = await pair_fitting(judge, twos[0], rubric, Asking().max_tokens)
        pairs = await asyncio.gather(*(_pair(judge, two, rubric) for two in twos))
        asking = Asking(samples=DRAWS)
        cases = [Case(item.question, item.reference, item.reply, item.inputs) for item in items]
        opinions = await asyncio.gather(*(_opinion(judge, rubric, c, asking) for c in cases))
    finally:
        await judge.aclose()
    return [p for p in pairs if p], [o for o in opinions if o]


def _report(pairs: Sequence[PairOutcome], opinions: Sequence[Opinion], n: int) -> dict[str, Any]:
    flips = [not pair.consistent for pair in pairs]
    return {
        "n": n,
        "n_pairs": len(pairs),
        "swap_flip_rate": fmean(flips) if flips else None,
        "first_position_rate": fmean(p.chose_position == "one" for p in pairs) if pairs else None,
        "second_position_rate": fmean(p.chose_position == "two" for p in pairs) if pairs else None,
        "n_draws": DRAWS,
        "n_opinions": len(opinions),
        "self_consistency": fmean(o.consistency for o in opinions) if opinions else None,
    }


def _two(item: Item, other: Item) -> TwoReplies:
    return TwoReplies(item.question, item.reply, other.reply, item.reference)


async def _pair(judge: BaseModel, two: TwoReplies, rubric: Rubric) -> PairOutcome | None:
    try:
        return await compare_pair(judge, two, rubric)
    except NoVerdictError:
        return None


async def _opinion(judge: BaseModel, rubric: Rubric, case: Case, asking: Asking) -> Opinion | None:
    try:
        return await form_opinion(judge, rubric, case, asking)
    except NoVerdictError:
        return None
