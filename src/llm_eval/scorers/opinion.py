"""One judge's opinion of one case: asked once, or several times for its consistency.

>>> opinion = await form_opinion(model, rubric, case, Asking())
>>> opinion.scores
{"correctness": 1.0}
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from llm_eval.errors import ProviderError
from llm_eval.models.base import BaseModel
from llm_eval.scorers.judge_prompt import Case, judge_prompt
from llm_eval.scorers.level_weights import TOP, level_weights
from llm_eval.scorers.rubric import Rubric
from llm_eval.scorers.together import together
from llm_eval.scorers.verdict import NoVerdictError, Verdict, read_verdict, verdict_schema
from llm_eval.types import ModelResponse, Sampling

Mode = Literal["levels", "logprobs"]
"""Which of two scales the scores are on."""
SAMPLED_TEMPERATURE = 0.7
"""Where a judge is asked several times and no temperature is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a judge is asked."""

    samples: int = 1
    mode: Mode = "levels"
    temperature: float | None = None
    max_tokens: int = 512

    def sampling(self, rubric: Rubric, draw: int) -> Sampling:
        """The sampling of one draw."""
        temperature = self.temperature
        if temperature is None:
            temperature = SAMPLED_TEMPERATURE if self.samples > 1 else 0.0
        return Sampling(
            temperature=temperature,
            max_tokens=self.max_tokens,
            seed=draw if temperature > 0 else None,
            json_schema=verdict_schema(rubric),
            top_logprobs=TOP if self.mode == "logprobs" else None,
        )


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one judge decided."""

    judge: str
    levels: Mapping[str, int]
    """Of each dimension, the level most draws gave; of equals, the lower."""
    scores: Mapping[str, float]
    """Of each dimension, the mean over draws, weighted by log-probabilities where that is on."""
    evidence: str
    reasoning: str
    consistency: float
    """Share of draws that gave all of `levels`."""
    n_draws: int
    n_unreadable: int

    def to_dict(self) -> dict[str, Any]:
        """For the details of a score."""
        return {
            "judge": self.judge,
            "levels": dict(self.levels),
            "scores": {name: round(score, 6) for name, score in self.scores.items()},
            "evidence": self.evidence,
            "reasoning": self.reasoning,
            "consistency": self.consistency,
            "n_draws": self.n_draws,
            "n_unreadable": self.n_unreadable,
        }


@dataclass(frozen=True, slots=True)
class _Draw:
    verdict: Verdict
    scores: Mapping[str, float]


async def form_opinion(model: BaseModel, rubric: Rubric, case: Case, asking: Asking) -> Opinion:
    """Ask `model` to grade `case`.

    Raises:
        NoVerdictError: no more than half of the draws gave a verdict; the state is the commonest.
        BudgetExceededError: nothing more may be spent.
    """
    given = await together(
        *(_draw(model, rubric, case, asking, draw) for draw in range(asking.samples))
    )
    draws = [one for one in given if isinstance(one, _Draw)]
    failures = [one for one in given if isinstance(one, NoVerdictError)]
    if 2 * len(draws) <= len(given) and failures:
        state, _ = Counter(failure.state for failure in failures).most_common(1)[0]
        raise next(failure for failure in failures if failure.state == state)
    return _opinion(model.name, rubric, draws, len(failures))


async def ask(
    model: BaseModel, rubric: Rubric, case: Case, asking: Asking, draw: int = 0
) -> ModelResponse:
    """One reply of a judge.

    Raises:
        NoVerdictError: state `transport_error`: there is none.
        BudgetExceededError: nothing more may be spent.
    """
    sampling = asking.sampling(rubric, draw)
    try:
        return await model.generate(judge_prompt(rubric, case), sampling, repeat=draw)
    except ProviderError as exc:
        raise NoVerdictError("transport_error", f"the judge did not answer: {exc}") from exc


async def _draw(
    model: BaseModel, rubric: Rubric, case: Case, asking: Asking, draw: int
) -> _Draw | NoVerdictError:
    try:
        response = await ask(model, rubric, case, asking, draw)
        verdict = read_verdict(response, rubric, untrusted=case.texts)
        return _Draw(verdict, _scores(response, verdict, rubric, asking.mode))
    except NoVerdictError as exc:
        return exc


def _scores(
    response: ModelResponse, verdict: Verdict, rubric: Rubric, mode: Mode
) -> Mapping[str, float]:
    scale = {dimension.name: dimension.scores for dimension in rubric.dimensions}
    if mode == "levels":
        return {name: scale[name][level] for name, level in verdict.levels.items()}
    weights = level_weights(response, rubric)
    if weights is None:  # the level alone would be a point on another scale
        raise NoVerdictError("parse_error", "this run weighs levels, but the reply has no weights")
    return {
        name: sum(w * s for w, s in zip(weights[name], scale[name], strict=True)) for name in scale
    }


def _opinion(judge: str, rubric: Rubric, draws: Sequence[_Draw], n_unreadable: int) -> Opinion:
    names = [dimension.name for dimension in rubric.dimensions]
    levels = {name: commonest([d.verdict.levels[name] for d in draws]) for name in names}
    typical = next((d for d in draws if d.verdict.levels == levels), draws[0])
    return Opinion(
        judge=judge,
        levels=levels,
        scores={name: fmean(d.scores[name] for d in draws) for name in names},
        evidence=typical.verdict.evidence,
        reasoning=typical.verdict.reasoning,
        consistency=fmean(d.verdict.levels == levels for d in draws),
        n_draws=len(draws),
        n_unreadable=n_unreadable,
    )


def commonest(levels: Sequence[int]) -> int:
    """The level that stands most often; of equals, the lower: doubt is never a pass."""
    counts = Counter(levels)
    return min(counts, key=lambda level: (-counts[level], level))
