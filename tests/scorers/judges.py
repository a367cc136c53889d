"""Judges for tests: what they say is scripted, what becomes of it is not."""

import json
from collections.abc import Callable

from llm_eval.fingerprint import identify
from llm_eval.scorers.llm_judge import BoundJudge, LLMJudge
from llm_eval.scorers.rubric import Rubric, load_rubric
from llm_eval.testing import ScriptedModel
from llm_eval.types import Message, ModelResponse, Prompt, Sample, Sampling, TokenLogprob

QA = load_rubric("qa_correctness")
SAMPLE = identify("qa", "1", {"question": "Capital of France?"}, ["Paris", "City of Paris"])
BEST = {"correctness": "2", "completeness": "2", "format": "2"}
WORST = {"correctness": "0", "completeness": "0", "format": "0"}


def verdict(levels: dict[str, str], evidence: str = "", reasoning: str = "because") -> str:
    return json.dumps({"evidence": evidence, "reasoning": reasoning, "verdict": levels})


def question(sample: Sample) -> Prompt:
    return (Message("user", str(sample.inputs.get("question", ""))),)


def judge(
    *models: ScriptedModel, rubric: Rubric = QA, options: LLMJudge | None = None
) -> BoundJudge:
    """A judge on its models, on the scale of levels."""
    chosen = options or LLMJudge(weighting="levels")
    return BoundJudge(chosen, rubric, models, question, "levels")


def saying(*texts: str | ModelResponse, name: str = "judge") -> ScriptedModel:
    """A model that says one after the other."""
    given = iter(texts * 1000)
    answer: Callable[[Prompt, Sampling, int], str | ModelResponse]
    answer = lambda _messages, _sampling, _repeat: next(given)  # noqa: E731
    return ScriptedModel(answer, name=name)


def with_logprobs(text: str, digit: str, tops: dict[str, float]) -> ModelResponse:
    """A reply, one token a character; those that say `digit` have the alternatives `tops`."""
    tokens = tuple(TokenLogprob(c, -0.1, tuple(tops.items()) if c == digit else ()) for c in text)
    return ModelResponse(text, "judge", logprobs=tokens)
