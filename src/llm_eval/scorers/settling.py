"""How a run's judge is asked, found out before the run: which scale, and with a schema or without.

>>> (await settle(judge, samples)).mode
"logprobs"

Only a definite answer settles it: a reply that has the log-probabilities of its levels or has none,
or a request that is refused and answered without the field. A judge that does not answer at all
settles nothing: guessing would put two runs of one judge on two scales. Then nothing is judged; the
replies are kept, and `llm-eval rescore` judges them when the judge is there again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llm_eval.errors import ConfigError, ProviderError
from llm_eval.models.base import BaseModel
from llm_eval.scorers.canaries import best_reply
from llm_eval.scorers.judge_prompt import Case
from llm_eval.scorers.level_weights import level_weights
from llm_eval.scorers.llm_judge import BoundJudge
from llm_eval.scorers.opinion import Asking, Mode, ask
from llm_eval.scorers.together import together
from llm_eval.scorers.unconstrained import REFUSALS, Unconstrained, is_refusal
from llm_eval.scorers.verdict import NoVerdictError
from llm_eval.types import ModelResponse, Sample

_WAYS: Sequence[tuple[bool, Mode]] = (
    (True, "logprobs"),
    (True, "levels"),
    (False, "logprobs"),
    (False, "levels"),
)
"""With a schema or without, and by which scale; the best first."""


@dataclass(frozen=True, slots=True)
class _Able:
    """What one judge's endpoint is known to do."""

    schema: bool
    weighs: bool
    sure: bool
    """False: log-probabilities came, and the levels were not found among them."""


async def settle(judge: BoundJudge, samples: Sequence[Sample]) -> BoundJudge:
    """`judge` as its run asks it; without a mode, and with the reason, where nobody can tell.

    Raises:
        ConfigError: the judge cannot be used at all: a wrong key, an unknown model.
        BudgetExceededError: nothing more may be spent.
    """
    found = [await _ability(judge, model, samples) for model in judge.judges]
    judges = tuple(
        Unconstrained(model) if isinstance(able, _Able) and not able.schema else model
        for model, able in zip(judge.judges, found, strict=True)
    )
    known = [able.weighs for able in found if isinstance(able, _Able)]
    weighting = judge.options.weighting
    if weighting != "auto":
        return replace(judge, judges=judges, mode=weighting)
    if not all(known):
        return replace(judge, judges=judges, mode="levels")
    silent = next((reason for reason in found if isinstance(reason, str)), None)
    if silent is not None:
        return replace(judge, unsettled=_unsettled(silent))
    return replace(judge, judges=judges, mode="logprobs")


def settled_as(judge: BoundJudge, recipe: Mapping[str, Any]) -> BoundJudge:
    """`judge` as it was asked by the run with this scorer's recipe, which is gone on with."""
    mode = recipe["asking"]["mode"]
    if mode == "auto":
        return replace(judge, unsettled=_unsettled("that was when the run began"))
    plain = [n for n, model in enumerate(recipe["models"]) if model.get("constrained") is False]
    judges = tuple(
        Unconstrained(model) if n in plain else model for n, model in enumerate(judge.judges)
    )
    return replace(judge, judges=judges, mode=mode)


def _unsettled(reason: str) -> str:
    return (
        f"the judge gave no answer when it was first asked, so it is not known on which scale it "
        f"grades, and it was not asked again ({reason}); "
        f"`llm-eval rescore` judges the replies that are stored"
    )


async def _ability(judge: BoundJudge, model: BaseModel, samples: Sequence[Sample]) -> _Able | str:
    """What `model` can do; a text where no sample told, and why."""
    cases = [judge.case(s, best_reply(judge, s) or "no") for s in samples if judge.takes(s)]
    reason = "no sample can be put before it"
    able: _Able | None = None
    for part in (cases[:1], cases[1:]):  # mostly the first tells all; the others are asked at once
        for told in await together(*(_tried(judge, model, case) for case in part)):
            if isinstance(told, NoVerdictError):
                reason = str(told)
            elif able is None or told.weighs:
                able = told
        if able is not None and able.sure:
            break
    return reason if able is None else able


async def _tried(judge: BoundJudge, model: BaseModel, case: Case) -> _Able | NoVerdictError:
    refused = NoVerdictError("transport_error", "it was not asked")
    for schema, mode in _WAYS:
        if mode == "logprobs" and judge.options.weighting == "levels":
            continue
        asked = model if schema else Unconstrained(model)
        response = await _asked(judge, asked, case, mode)
        if isinstance(response, ModelResponse):
            told = mode == "logprobs" and bool(response.logprobs)
            weighs = told and level_weights(response, judge.grades_by) is not None
            return _Able(schema, weighs, sure=weighs or not told)
        if not is_refusal(response.__cause__):
            return response
        refused = response
    return refused


async def _asked(
    judge: BoundJudge, model: BaseModel, case: Case, mode: Mode
) -> ModelResponse | NoVerdictError:
    """A reply, or why there is none; a refusal has to be repeated to count."""
    asking = Asking(mode=mode, max_tokens=judge.options.max_tokens)
    for attempt in range(1, REFUSALS + 1):
        try:
            return await ask(model, judge.grades_by, case, asking)
        except NoVerdictError as exc:
            cause = exc.__cause__
            if isinstance(cause, ProviderError) and cause.fatal:
                raise ConfigError(f"the judge cannot be used: {cause}") from exc
            if attempt == REFUSALS or not is_refusal(cause):
                return exc
    raise AssertionError("unreachable: the last attempt returns")
