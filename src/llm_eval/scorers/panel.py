"""Several judges on one case, and what becomes of their opinions.

Small judges of different families agree better with people than one large one (PoLL, Verga et al.
2024). Where they disagree stays visible: those are the samples for a person to look at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, Literal

from llm_eval.models.base import BaseModel
from llm_eval.scorers.judge_prompt import Case
from llm_eval.scorers.opinion import Asking, Opinion, commonest, form_opinion
from llm_eval.scorers.rubric import Rubric
from llm_eval.scorers.together import together
from llm_eval.scorers.verdict import NoVerdictError

Rule = Literal["mean", "median", "majority"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the panel decided; a panel of one is its member's opinion."""

    levels: Mapping[str, int]
    scores: Mapping[str, float]
    opinions: tuple[Opinion, ...]
    silent: Mapping[str, str]
    """Judges without a verdict, and the state that each is in."""
    disagreement: float
    """Largest difference of two members on the weighted score, 0…1."""

    def details(self) -> dict[str, Any]:
        """For the details of a score."""
        return {
            "levels": dict(self.levels),
            "opinions": [opinion.to_dict() for opinion in self.opinions],
            "silent": dict(self.silent),
            "disagreement": round(self.disagreement, 6),
        }


async def decide(
    judges: Sequence[BaseModel], rubric: Rubric, case: Case, asking: Asking, rule: Rule
) -> Decision:
    """Ask every judge at once and combine what they say.

    Raises:
        NoVerdictError: no more than half of the judges gave a verdict.
        BudgetExceededError: nothing more may be spent.
    """
    given = await together(*(_heard(judge, rubric, case, asking) for judge in judges))
    opinions = [one for one in given if isinstance(one, Opinion)]
    failures = {
        judge.name: one
        for judge, one in zip(judges, given, strict=True)
        if isinstance(one, NoVerdictError)
    }
    if 2 * len(opinions) <= len(judges) and failures:
        raise next(iter(failures.values()))
    return combine(opinions, rubric, rule, {name: f.state for name, f in failures.items()})


def combine(
    opinions: Sequence[Opinion], rubric: Rubric, rule: Rule, silent: Mapping[str, str]
) -> Decision:
    """One decision of several opinions.

    Args:
        opinions: at least one.
        rubric: what they graded by.
        rule: mean or median of the scores; majority: the scores of the commonest level.
        silent: judges without a verdict.
    """
    levels, scores = {}, {}
    for dimension in rubric.dimensions:
        name = dimension.name
        level = commonest([opinion.levels[name] for opinion in opinions])
        values = [opinion.scores[name] for opinion in opinions]
        levels[name] = level
        if rule == "majority":
            scores[name] = dimension.scores[level]
        else:
            scores[name] = fmean(values) if rule == "mean" else median(values)
    totals = [rubric.scored(opinion.scores) for opinion in opinions]
    return Decision(levels, scores, tuple(opinions), silent, max(totals) - min(totals))


async def _heard(
    judge: BaseModel, rubric: Rubric, case: Case, asking: Asking
) -> Opinion | NoVerdictError:
    try:
        return await form_opinion(judge, rubric, case, asking)
    except NoVerdictError as exc:
        return exc
