"""The LLM judge as a scorer: a rubric, one judge or a panel, and a score for each dimension.

    run qa --model … --judge-model SPEC          the task's own scorers, and a judge
    scorers: [{name: llm_judge, rubric: rubrics/tone.yaml}]     in a task YAML; also --judge-model

`LLMJudge` is the description, `BoundJudge` the scorer with its models. Metrics: `judge` (weighted
score, 0…1), `judge_pass`, and `judge_DIMENSION`. What has no verdict is unscored, with its state.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from llm_eval.as_text import as_text
from llm_eval.errors import ConfigError, ScorerError
from llm_eval.fingerprint import digest
from llm_eval.models.base import BaseModel
from llm_eval.models.caching import ASKING
from llm_eval.scorers.base import Scorer, Scores
from llm_eval.scorers.judge_models import counting
from llm_eval.scorers.judge_prompt import Case, prompt_recipe
from llm_eval.scorers.opinion import Asking, Mode
from llm_eval.scorers.panel import Decision, Rule, decide
from llm_eval.scorers.rubric import Rubric, load_rubric
from llm_eval.scorers.verdict import NoVerdictError, verdict_schema
from llm_eval.types import Metric, ModelResponse, Prompt, Sample, Score, Unscored

Weighting = Literal["auto", "levels", "logprobs"]
Question = Callable[[Sample], Prompt]
"""What the candidate was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LLMJudge(Scorer):
    """What is asked of a judge; bound to its models before a run."""

    name: ClassVar[str] = "llm_judge"
    rubric: str = "qa_correctness"
    """A preset, or the path of a rubric YAML."""
    metric: str = "judge"
    """Name of the headline metric and beginning of the others."""
    samples: int = 1
    """Draws of each judge; over 1 they are sampled, and their agreement is kept."""
    weighting: Weighting = "auto"
    """auto: by log-probabilities where the canaries show that the judge gives them."""
    panel: Rule = "mean"
    temperature: float | None = None
    max_tokens: int = 512

    def __post_init__(self) -> None:
        """Refuse numbers that make no judge.

        Raises:
            ConfigError: names the option and its value.
        """
        for option in ("samples", "max_tokens"):
            if getattr(self, option) < 1:
                raise ConfigError(f"{option} must be at least 1, got {getattr(self, option)}")

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Weighted score, pass, and each dimension."""
        return _metrics(self.metric, load_rubric(self.rubric))

    async def score(self, sample: Sample, answer: Any, response: ModelResponse) -> Scores:
        """It has no model yet.

        Raises:
            ScorerError: always.
        """
        raise ScorerError("llm_judge has no model: give --judge-model SPEC")

    def located(self, home: Path) -> "LLMJudge":
        """The same with the rubric's path taken from `home`, where the task's YAML stands."""
        is_file = self.rubric.endswith((".yaml", ".yml"))
        return replace(self, rubric=str(home / self.rubric)) if is_file else self

    def bind(self, judges: Sequence[BaseModel], question: Question) -> "BoundJudge":
        """The scorer.

        Raises:
            ConfigError: the rubric cannot be used.
        """
        return BoundJudge(self, load_rubric(self.rubric), tuple(judges), question)


@dataclass(frozen=True)
class BoundJudge(Scorer):
    """A judge with its models and its rubric read."""

    name: ClassVar[str] = "llm_judge"
    options: LLMJudge
    grades_by: Rubric
    judges: tuple[BaseModel, ...]
    question: Question = field(repr=False, compare=False)
    mode: Mode | None = None
    """None until it is settled what the judge can give."""
    unsettled: str | None = None
    """Why that cannot be told; then nothing is judged."""

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """Weighted score, pass, and each dimension."""
        return _metrics(self.options.metric, self.grades_by)

    @property
    def asking(self) -> Asking:
        """How each judge is asked."""
        options, mode = self.options, self.mode
        if mode is None:
            mode = "levels" if options.weighting == "levels" else "logprobs"
        return Asking(
            samples=options.samples,
            mode=mode,
            temperature=options.temperature,
            max_tokens=options.max_tokens,
        )

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Models, prompt, rubric and schema; `judge` is the digest of all.

        Change one of them, and what was learned about this judge is stale.
        """
        parts = {
            "models": [judge.identity for judge in self.judges],
            "prompt_hash": prompt_recipe(self.grades_by),
            "rubric_hash": self.grades_by.fingerprint,
            "schema_hash": digest(verdict_schema(self.grades_by)),
            "asking": asdict(self.asking) | {"mode": self.mode or self.options.weighting},
            "panel": self.options.panel,
        }
        named = {"rubric": self.grades_by.name, "scale": self.grades_by.scale}
        metric = {"metric": self.options.metric}
        return {"name": self.name, "version": self.version, **metric, **named, **parts} | {
            "judge": digest((self.version, parts))
        }

    def takes(self, sample: Sample) -> bool:
        """Whether a sample can be put before the judges: its reference is there if it must be."""
        return self.grades_by.reference != "required" or reference_text(sample.target) is not None

    def case(self, sample: Sample, candidate: str) -> Case:
        """What is put before the judges.

        Raises:
            ScorerError: the rubric needs a reference and the sample has none.
        """
        if not self.takes(sample):
            raise ScorerError(f"sample {sample.id!r} has no target, and the rubric needs one")
        shown = self.grades_by.reference != "none"
        reference = reference_text(sample.target) if shown else None
        asked = self.question(sample)
        question = "\n\n".join(turn.content for turn in asked)
        return Case(question, reference, candidate, sample.inputs)

    async def decide(self, sample: Sample, candidate: str) -> Decision:
        """The panel's decision on a text.

        Raises:
            NoVerdictError: there is none.
        """
        if self.unsettled is not None:
            raise NoVerdictError("transport_error", self.unsettled)
        case = self.case(sample, candidate)
        return await decide(self.judges, self.grades_by, case, self.asking, self.options.panel)

    async def score(self, sample: Sample, answer: Any, response: ModelResponse) -> Scores:
        """A score for each metric, or why there is none; the whole reply is judged."""
        if self._is_empty(sample, response.text):
            reason = "the reply holds no letter and no digit; no judge was asked"
            return [Score(metric.name, metric.worst, reason) for metric in self.metrics]
        asking = ASKING.get()
        token = ASKING.set((*asking, self.options.metric) if asking else ())
        try:
            with counting() as counts:
                scores = await self._decided(sample, response)
        finally:
            ASKING.reset(token)
        usage = {name: asdict(taken) for name, taken in counts.items()}
        first, *others = scores
        return [replace(first, details={**(first.details or {}), "usage": usage}), *others]

    async def _decided(self, sample: Sample, response: ModelResponse) -> Scores:
        try:
            return self.scores(await self.decide(sample, response.text))
        except NoVerdictError as exc:
            return [Unscored(metric.name, str(exc), exc.state) for metric in self.metrics]

    def _is_empty(self, sample: Sample, text: str) -> bool:
        """Whether no judge has to be asked: nothing is said, and something should be."""
        if self.grades_by.empty_passes or not says_nothing(text):
            return False
        return not says_nothing(reference_text(sample.target) or "something")

    def scores(self, decision: Decision) -> Scores:
        """A decision as scores, in the order of `metrics`."""
        rubric = self.grades_by
        typical = decision.opinions[0]
        details = {"mode": self.asking.mode, **decision.details()}
        total, passed = rubric.scored(decision.scores), rubric.passes(decision.levels)
        values = [total, float(passed), *(decision.scores[d.name] for d in rubric.dimensions)]
        first, *others = (
            Score(metric.name, value) for metric, value in zip(self.metrics, values, strict=True)
        )
        return [replace(first, reason=typical.reasoning, details=details), *others]


def reference_text(target: Any) -> str | None:
    """A target as people read it: accepted answers one a line, structures as JSON."""
    if target is None or target == []:
        return None
    if isinstance(target, list | tuple) and all(isinstance(item, str) for item in target):
        return "\n".join(target)
    return as_text(target)


def says_nothing(text: str) -> bool:
    """Whether a text has neither letter nor digit nor symbol: blanks and punctuation alone."""
    return not any(unicodedata.category(character)[0] in "LNS" for character in text)


def _metrics(name: str, rubric: Rubric) -> tuple[Metric, ...]:
    return (
        Metric(name),
        Metric(f"{name}_pass", "rate"),
        *(Metric(f"{name}_{dimension.name}") for dimension in rubric.dimensions),
    )
