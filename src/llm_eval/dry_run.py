"""What a run would cost, spending nothing: prompts rendered, scorers tried, tokens guessed.

Tokens are estimated from characters. Of English prose with JSON, BPE vocabularies make about 4
characters a token; 3 and 5 are taken as the range, so that the range holds for most tokenizers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from llm_eval.errors import ConfigError, DatasetError, ScorerError
from llm_eval.evaluation import Plan
from llm_eval.grading import grade
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.pricing import cost
from llm_eval.specs import Price
from llm_eval.types import ModelResponse, Prompt, Sample, Unscored, Usage

CHARS_PER_TOKEN = 4.0
FEWEST, MOST = 5.0, 3.0
"""Characters a token at the low and at the high end of the range."""
MESSAGE_TOKENS = 4
"""What a chat template adds around each message."""
ASSUMED_LATENCY_S = (0.3, 1.5, 6.0)
"""Low, expected, high seconds a call, where no earlier run of the model tells."""


@dataclass(frozen=True, slots=True)
class Range:
    """A guess with its ends."""

    low: float
    expected: float
    high: float

    def scaled(self, factor: float) -> "Range":
        """Every end times `factor`."""
        return Range(self.low * factor, self.expected * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one run would take."""

    task: str
    model: str
    n_calls: int
    prompt_tokens: Range
    completion_tokens: Range
    cost_usd: Range | None
    """None where the price is unknown."""
    duration_s: Range
    latency_source: str
    """`measured` from an earlier run of this model, or `assumed`."""


async def estimate(plan: Plan, storage: MetricsStorage) -> Estimate:
    """Render every prompt of `plan`, try its scorers once, and add up.

    Raises:
        ScorerError: a scorer cannot score even a perfect reply.
        DatasetError: a row cannot be read or rendered.
    """
    prompt_chars = reply_chars = n_messages = 0
    for number, (sample, prompt) in enumerate(_prompts(plan)):
        if number == 0:
            await _try_scorers(plan, sample)
        prompt_chars += sum(len(message.content) for message in prompt)
        n_messages += len(prompt)
        reply_chars += _reply_chars(plan, sample)
    epochs = plan.request.epochs
    n_calls = plan.dataset.n * epochs
    prompt_tokens = _tokens(prompt_chars * epochs, MESSAGE_TOKENS * n_messages * epochs)
    replies = _tokens(reply_chars * epochs, 0)
    limit = n_calls * (plan.sampling.max_tokens or 1024)
    completion_tokens = Range(min(replies.low, limit), min(replies.expected, limit), limit)
    latency, source = _latency(plan, storage)
    lanes = min(n_calls, plan.job("").concurrency)
    return Estimate(
        plan.request.task,
        plan.request.model,
        n_calls,
        prompt_tokens,
        completion_tokens,
        _cost(plan.price, prompt_tokens, completion_tokens),
        latency.scaled(n_calls / lanes),
        source,
    )


def _prompts(plan: Plan) -> Iterator[tuple[Sample, Prompt]]:
    for sample in islice(plan.task.samples(plan.request.split), plan.dataset.n):
        yield sample, plan.task.prompt(sample)


async def _try_scorers(plan: Plan, sample: Sample) -> None:
    """Score the reply a perfect model would give; whatever is undecided now stays undecided."""
    try:
        reply = ModelResponse(plan.task.completion(sample), "dry-run")
    except DatasetError:  # no target; a judge needs none, and who needs one says so
        reply = ModelResponse("", "dry-run")
    graded = await grade(plan.task, sample, reply)
    for score in graded.scores:
        if isinstance(score, Unscored):
            raise ScorerError(f"{score.metric} cannot be scored: {score.reason}")


def _reply_chars(plan: Plan, sample: Sample) -> int:
    try:
        return len(plan.task.completion(sample))
    except (ConfigError, DatasetError):
        return 0


def _tokens(chars: int, extra: int) -> Range:
    return Range(chars / FEWEST + extra, chars / CHARS_PER_TOKEN + extra, chars / MOST + extra)


def _cost(price: Price | None, prompts: Range, replies: Range) -> Range | None:
    if price is None:
        return None

    def at(prompt_tokens: float, completion_tokens: float) -> float:
        return cost(price, Usage(round(prompt_tokens), round(completion_tokens)))

    return Range(
        at(prompts.low, replies.low),
        at(prompts.expected, replies.expected),
        at(prompts.high, replies.high),
    )


def _latency(plan: Plan, storage: MetricsStorage) -> tuple[Range, str]:
    for info in storage.list_runs(model=plan.request.model, limit=5):
        latency = (info.summary or {}).get("latency_s", {})
        if latency.get("p50"):
            return Range(0.7 * latency["p50"], latency["p50"], latency["p95"]), "measured"
    return Range(*ASSUMED_LATENCY_S), "assumed"
