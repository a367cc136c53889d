"""The values that travel: from a dataset row to a stored score. Frozen, comparable, no behaviour.

Sample → prompt (Messages) → ModelResponse → answer → Score | Unscored → SampleResult
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant"]
Status = Literal["scored", "unscored", "failed"]
RunStatus = Literal["running", "complete", "incomplete", "interrupted"]

_CUT_OFF = frozenset({"length", "content_filter", "refusal"})
"""Reasons to finish that leave a reply unfinished."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


Prompt = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of a dataset. Its identity is its content: make it with `fingerprint.identify`."""

    key: str
    """sha256 of task name, inputs and target: what pairs this sample across runs."""
    id: str
    """The row's own name, for people."""
    inputs: Mapping[str, Any]
    target: Any
    slice: str | None = None
    cluster: str | None = None
    """Samples of one cluster (document, conversation) are not independent."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """Further labels to aggregate by, such as {"doc_type": "invoice", "held_out": "yes"}."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What the sample is aggregated under: its slice, and each group as `name=value`."""
        own = () if self.slice is None else (self.slice,)
        return own + tuple(f"{name}={value}" for name, value in self.groups.items())


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is drawn. Defaults are greedy."""

    temperature: float = 0.0
    max_tokens: int | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    json_schema: Mapping[str, Any] | None = None
    """Constrain the reply to this JSON Schema, where the endpoint can."""
    top_logprobs: int | None = None
    """Ask for log-probabilities of the reply's tokens and this many alternatives."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as the provider counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_prompt_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One generated token, its natural-log probability, and the alternatives considered."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class ModelResponse:
    """One reply, as the provider gave it."""

    text: str
    model: str
    """The model name that the provider says answered."""
    finish_reason: str = "stop"
    """stop | length | content_filter | refusal | tool_calls | the provider's own word."""
    usage: Usage = Usage()
    latency_s: float = 0.0
    """Seconds from sending the successful attempt to its last byte."""
    refusal: str | None = None
    reasoning: str | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    response_id: str | None = None
    cost_usd: float | None = None
    """None where the price is unknown; never guessed."""
    attempts: int = 1
    cached: bool = False

    @property
    def cut_off(self) -> bool:
        """Whether it ended before its end: too long, filtered, refused."""
        return self.finish_reason in _CUT_OFF


@dataclass(frozen=True, slots=True)
class Metric:
    """What a scorer emits under one name, and how to aggregate it."""

    name: str
    kind: Literal["rate", "mean"] = "mean"
    """rate: every value is 0 or 1, so the interval is Wilson's."""
    worst: float = 0.0
    """What a sample counts for when the model failed it."""
    best: float = 1.0

    @property
    def higher_is_better(self) -> bool:
        """Whether a rise is an improvement."""
        return self.best > self.worst


@dataclass(frozen=True, slots=True)
class Score:
    """One metric's value for one sample."""

    metric: str
    value: float
    reason: str | None = None
    details: Mapping[str, Any] | None = None
    """Per-field results, matched spans, judge verdict: whatever explains the value."""


@dataclass(frozen=True, slots=True)
class Unscored:
    """A metric that could not be decided, which is neither right nor wrong."""

    metric: str
    reason: str
    state: str = "error"
    """error | abstained | parse_error | refused | transport_error."""
    details: Mapping[str, Any] | None = None
    """As a score's: what was tried, and what it took."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a sample has no reply: an `EvalError` as data."""

    stage: str
    code: str
    message: str
    status: int | None = None
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class SampleResult:
    """Everything known about one sample in one epoch of a run."""

    index: int
    """Position in the dataset, from 0. (index, epoch) is unique in a run."""
    epoch: int
    sample: Sample
    prompt: Prompt = ()
    response: ModelResponse | None = None
    answer: Any = None
    parse_error: str | None = None
    """The reply was not an answer: the model's fault, scored as `Metric.worst`."""
    scores: tuple[Score | Unscored, ...] = ()
    failure: Failure | None = None

    @property
    def status(self) -> Status:
        """`failed`: no reply; `unscored`: a metric is undecided; else `scored`."""
        if self.failure is not None:
            return "failed"
        if any(isinstance(score, Unscored) for score in self.scores):
            return "unscored"
        return "scored"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run: what was evaluated, how, and how far it got."""

    run_id: str
    """run_YYYYMMDD_HHMMSS_xxxxxx."""
    task: str
    model: str
    """The SPEC the user gave."""
    created_at: str
    """ISO 8601, UTC."""
    recipe: Mapping[str, Any]
    """All that produced the numbers: task version, dataset, prompt, model, scorers, seed, code."""
    status: RunStatus = "running"
    n_total: int = 0
    """Samples × epochs that the run plans."""
    n_done: int = 0
    finished_at: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    summary: Mapping[str, Any] | None = None
    """The `--json` object of the finished run."""
