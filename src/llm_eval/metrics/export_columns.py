"""What the columns of an export are: names, types and meanings. A contract: columns are only added.

Columns of kind `json` hold JSON text, so that the text "12" and the number 12 stay apart.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Kind = Literal["text", "json", "integer", "number", "boolean"]

SCORE_PREFIX = "score."
"""`samples` has one more column a metric: `score.exact_match`."""


class Column(NamedTuple):
    """One column of a table."""

    name: str
    kind: Kind
    meaning: str


_RUN = (
    Column("run_id", "text", "run_YYYYMMDD_HHMMSS_xxxxxx"),
    Column("task", "text", "task as it was asked for"),
    Column("model", "text", "model SPEC as it was asked for"),
    Column("created_at", "text", "start of the run, ISO 8601, UTC"),
)

_SAMPLE = (
    Column("sample_index", "integer", "position in the data set, from 0"),
    Column("epoch", "integer", "which repeat, from 0"),
    Column("sample_id", "text", "the row's own name"),
    Column("sample_key", "text", "sha256 of the content: pairs samples across runs"),
    Column("slice", "text", "slice of the sample"),
)

SAMPLE_COLUMNS = (
    *_RUN,
    *_SAMPLE,
    Column("cluster", "text", "samples of one cluster are not independent"),
    Column("groups", "json", "further labels, an object"),
    Column("status", "text", "scored, unscored or failed"),
    Column("perfect", "boolean", "best on the first metric and on every rate"),
    Column("inputs", "json", "fields of the row"),
    Column("target", "json", "what was expected"),
    Column("prompt", "json", "messages as they were sent: [{role, content}]"),
    Column("reply", "text", "what the model wrote"),
    Column("answer", "json", "what was parsed from the reply"),
    Column("parse_error", "text", "why the reply is no answer"),
    Column("failure_code", "text", "why there is no reply: timeout, rate_limit, …"),
    Column("failure_message", "text", "the same in words"),
    Column("finish_reason", "text", "stop, length, content_filter, refusal, …"),
    Column("prompt_tokens", "integer", "tokens of the prompt, as the provider counted"),
    Column("completion_tokens", "integer", "tokens of the reply"),
    Column("cached_prompt_tokens", "integer", "of the prompt, read from the provider's cache"),
    Column("reasoning_tokens", "integer", "of the reply, spent on reasoning"),
    Column("cost_usd", "number", "price of the call; empty where it is unknown"),
    Column("latency_s", "number", "seconds from sending to the last byte"),
    Column("attempts", "integer", "calls until the reply"),
    Column("cached", "boolean", "the reply came from the response cache"),
)

SCORE_COLUMNS = (
    *_RUN,
    *_SAMPLE,
    Column("metric", "text", "name of the metric"),
    Column("value", "number", "the score; empty where there is none"),
    Column("state", "text", "scored, failed, or why not: error, abstained, parse_error, …"),
    Column("reason", "text", "what the scorer said"),
    Column("details", "json", "what explains the value: fields, spans, the judge's verdict"),
)

SUMMARY_COLUMNS = (
    *_RUN,
    Column("finished_at", "text", "end of the run, ISO 8601, UTC"),
    Column("status", "text", "complete, incomplete, interrupted or running"),
    Column("tags", "json", "labels of the run, an object"),
    Column("git_commit", "text", "commit that the run started in"),
    Column("dataset_hash", "text", "sha256 over the samples' keys"),
    Column("model_fingerprint", "text", "sha256 of all that can change a reply"),
    Column("slice", "text", "slice or `group=value`; empty for the whole run"),
    Column("metric", "text", "name of the metric"),
    Column("value", "number", "headline: what has no score counts as worst"),
    Column("value_scored_only", "number", "mean of the scored samples alone"),
    Column("ci95_low", "number", "lower end of the 95 % interval of `value`"),
    Column("ci95_high", "number", "upper end"),
    Column("stderr", "number", "standard error of `value`"),
    Column("method", "text", "how the interval was made"),
    Column("n", "integer", "samples in `value`"),
    Column("n_scored", "integer", "of them, with a score"),
    Column("n_failed", "integer", "of them, without a reply"),
    Column("n_unscored", "integer", "of them, with a reply and no score"),
    Column("run_prompt_tokens", "integer", "tokens of all prompts of the run"),
    Column("run_completion_tokens", "integer", "tokens of all replies of the run"),
    Column("run_cost_usd", "number", "price of the run; empty where it is unknown"),
    Column("run_latency_p50_s", "number", "median latency of a call, in seconds"),
    Column("run_latency_p95_s", "number", "95th percentile of it"),
    Column("run_wall_s", "number", "duration of the run, in seconds"),
    Column("judge_states", "json", "of a judge's metric, verdicts by state; of the whole run only"),
)

TABLES = {"samples": SAMPLE_COLUMNS, "scores": SCORE_COLUMNS, "summary": SUMMARY_COLUMNS}


def with_scores(metrics: Sequence[str]) -> tuple[Column, ...]:
    """Columns of `samples` for runs with these metrics."""
    scores = (Column(f"{SCORE_PREFIX}{m}", "number", f"value of {m}") for m in metrics)
    return (*SAMPLE_COLUMNS, *scores)
