"""What a run says about its judge: how many verdicts, in which states, and what speaks against it.

{"metric": "judge", "judges": ["gpt-4o-mini"], "rubric": "qa_correctness", "mode": "levels",
 "states": {"scored": 118, "parse_error": 2, …}, "canaries": {…}, "usage": {…}, "warnings": […]}
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from llm_eval.models.base import BaseModel
from llm_eval.scorers.canaries import CanaryReport
from llm_eval.scorers.family import related
from llm_eval.scorers.judge_models import Taken, Tally, added_up
from llm_eval.scorers.llm_judge import BoundJudge
from llm_eval.scorers.unconstrained import Unconstrained
from llm_eval.types import SampleResult, Score, Unscored

STATES = ("scored", "abstained", "parse_error", "refused", "transport_error")
LENGTH_BIAS = 0.3
"""Rank correlation of score and length from which it is worth a warning."""
_MIN_FOR_LENGTH = 20


class JudgeReport:
    """Gathers what a judge did over all results of a run, one by one."""

    def __init__(self, judge: BoundJudge) -> None:
        self._judge = judge
        self._metric = judge.options.metric
        self._states: Counter[str] = Counter(dict.fromkeys(STATES, 0))
        self._lengths: list[int] = []
        self._scores: list[float] = []
        self._consistency: list[float] = []
        self._disagreement: list[float] = []
        self._usage: dict[str, list[Mapping[str, Any]]] = defaultdict(list)

    def add(self, result: SampleResult) -> None:
        """One more result."""
        if result.failure is not None or result.response is None:
            return self._count("no_reply")
        if result.parse_error is not None:
            return self._count("no_answer")
        for score in result.scores:
            if score.metric == self._metric:
                for name, taken in (score.details or {}).get("usage", {}).items():
                    self._usage[name].append(taken)
                self._add(score, len(result.response.text))
        return None

    def _add(self, score: Score | Unscored, length: int) -> None:
        if isinstance(score, Unscored):
            return self._count(score.state)
        if score.details is None:
            return self._count("empty_reply")
        self._count("scored")
        self._lengths.append(length)
        self._scores.append(score.value)
        self._disagreement.append(score.details["disagreement"])
        self._consistency += [o["consistency"] for o in score.details["opinions"]]
        return None

    def _count(self, state: str) -> None:
        self._states[state] += 1

    def to_dict(
        self, candidate: str, canaries: CanaryReport | None, before: Mapping[str, Taken]
    ) -> dict[str, Any]:
        """The block in the run's summary.

        Args:
            candidate: the model that was judged.
            canaries: what became of them.
            before: what was taken before the first sample was judged.
        """
        judge = self._judge
        several = judge.options.samples > 1
        length = rank_correlation(self._lengths, self._scores)
        return {
            "metric": self._metric,
            "judges": [model.name for model in judge.judges],
            "rubric": judge.grades_by.name,
            "recipe": judge.recipe["judge"],
            "mode": "not settled" if judge.unsettled else judge.asking.mode,
            "states": dict(self._states),
            "canaries": None if canaries is None else canaries.to_dict(),
            "length_correlation": length,
            "self_consistency": _mean(self._consistency) if several else None,
            "disagreement": _mean(self._disagreement) if len(judge.judges) > 1 else None,
            "usage": self._taken(before),
            "warnings": list(self._warnings(candidate, canaries, length)),
        }

    def _taken(self, before: Mapping[str, Taken]) -> dict[str, Any]:
        """Of each judge, from what is stored with its verdicts: a process that died counts too."""
        names = [m.name for m in map(_counted, self._judge.judges) if isinstance(m, Tally)]
        return {
            name: added_up([asdict(before.get(name, Taken())), *self._usage[name]])
            for name in names
        }

    def _warnings(
        self, candidate: str, canaries: CanaryReport | None, length: float | None
    ) -> Iterable[str]:
        names = ", ".join(model.name for model in self._judge.judges)
        if self._judge.unsettled is not None:
            yield self._judge.unsettled
        for model in self._judge.judges:
            if isinstance(model, Unconstrained):
                yield f"judge {model.name} refuses a schema: nothing but its prompt holds it to one"
            if (shared := related(model.name, candidate)) is not None:
                yield (
                    f"judge {model.name} and candidate {candidate} are of one family ({shared}): "
                    f"judges prefer their own"
                )
        if canaries is not None and canaries.passed:
            yield f"judge {names} passed canaries: {', '.join(canaries.passed)}"
        if canaries is not None and canaries.controls:
            missed = sum(control.outcome != "passed" for control in canaries.controls)
            if missed and self._judge.unsettled is None:
                n = len(canaries.controls)
                yield f"judge {names} did not pass the reference itself in {missed} of {n} trials"
        silent = sum(self._states[state] for state in STATES[1:]) + self._states["error"]
        asked = silent + self._states["scored"]
        if silent:
            yield f"no verdict on {silent} of {asked} replies: unscored, neither right nor wrong"
        if length is not None and abs(length) >= LENGTH_BIAS:
            yield f"scores go with the reply's length (rank correlation {length:+.2f})"


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's rho; None for fewer than 20 pairs, or where all values are equal."""
    if len(first) < _MIN_FOR_LENGTH:
        return None
    a, b = _ranks(first), _ranks(second)
    if a.std() == 0 or b.std() == 0:
        return None
    return round(float(np.corrcoef(a, b)[0, 1]), 4)


def _ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Ranks; equal values share their mean rank."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(middle[codes], dtype=np.float64)


def _counted(model: BaseModel) -> BaseModel:
    return model.inner if isinstance(model, Unconstrained) else model


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
