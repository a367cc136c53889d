"""OpenTelemetry: a span a run, sample, model call and scorer; an event a score; GenAI metrics.

Off unless the standard variables ask for it, and then nothing is imported:

    OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 llm-eval run qa
    OTEL_TRACES_EXPORTER=console llm-eval run qa

The spans of one sample cost about 1 ms, five times a fast sample itself, so at most
`SAMPLES_PER_S` samples a second get spans, events and places in histograms, in bunches;
LLM_EVAL_TRACED_SAMPLES_PER_S sets it, 0 is no limit. Failed samples always have a span, the
counters `llm_eval.calls` and `llm_eval.tokens` count every call, and the run's span says how many
samples have no span.

Names: OpenTelemetry semantic conventions for generative AI. Prompts and replies are recorded only
with OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec

from llm_eval.errors import ConfigError, ProviderError
from llm_eval.types import (
    ModelResponse,
    Prompt,
    RunInfo,
    Sample,
    SampleResult,
    Sampling,
    Score,
    Unscored,
)
from llm_eval.version import __version__

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

SAMPLES_PER_S = 20.0
_BURST = 20.0
_LIMIT = "LLM_EVAL_TRACED_SAMPLES_PER_S"

_NAME = "llm_eval"
_ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
)
_EXPORTERS = ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER")
_CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_DURATION_BUCKETS_S = [0.01 * 2**n for n in range(14)]
_TOKEN_BUCKETS = [4.0**n for n in range(12)]
"""Both as the semantic conventions advise."""


def is_on(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the standard variables ask for telemetry."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    wanted = [environment.get(name, "none") for name in _EXPORTERS]
    return any(environment.get(name) for name in _ENDPOINTS) or any(w != "none" for w in wanted)


class Tracer:
    """Writes one process' telemetry. Make it from the environment, or from providers in a test."""

    def __init__(
        self,
        traces: "TracerProvider",
        metrics: "MeterProvider",
        logs: "LoggerProvider",
        *,
        capture_content: bool = False,
        samples_per_s: float = SAMPLES_PER_S,
    ) -> None:
        """Use these providers; `close` shuts them down.

        Args:
            traces: where spans go.
            metrics: where durations and token counts go.
            logs: where evaluation events go.
            capture_content: also record prompts, replies and what scorers say of them.
            samples_per_s: how many samples a second get spans, after a first 20; 0: all.
        """
        self._providers = (traces, metrics, logs)
        self._tracer = traces.get_tracer(_NAME, __version__)
        self._logger = logs.get_logger(_NAME, __version__)
        self._capture = capture_content
        self._rate, self._allowed = samples_per_s, max(_BURST, samples_per_s)
        self._refilled, self._is_saving = monotonic(), False
        self._n_untraced = 0
        self._totals = {"calls": 0, "input": 0, "output": 0}
        meter = metrics.get_meter(_NAME, __version__)
        self._make_counters(meter)
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="Duration of a model call.",
            explicit_bucket_boundaries_advisory=_DURATION_BUCKETS_S,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Tokens of a model call.",
            explicit_bucket_boundaries_advisory=_TOKEN_BUCKETS,
        )

    @contextmanager
    def run(self, info: RunInfo) -> Iterator[None]:
        """The span of a whole run."""
        attributes: dict[str, str | int] = {
            "llm_eval.run.id": info.run_id,
            "llm_eval.task": info.task,
            "llm_eval.model": info.model,
            "llm_eval.n_total": info.n_total,
        }
        name = f"evaluate {info.task}"
        with self._tracer.start_as_current_span(name, attributes=attributes) as span:
            try:
                yield
            finally:
                span.set_attribute("llm_eval.n_untraced", self._n_untraced)

    def admits(self) -> bool:
        """Whether one more sample gets spans now.

        Once the allowance is used up it must be that of a whole second again: samples in bunches
        find the SDK's code in the processor's caches, and cost a third of single ones.
        """
        if not self._rate:
            return True
        now = monotonic()
        gained = (now - self._refilled) * self._rate
        self._allowed = min(self._allowed + gained, max(_BURST, self._rate))
        self._refilled = now
        if self._allowed < 1:
            self._is_saving = True
        elif self._is_saving:
            self._is_saving = self._allowed < self._rate
        if self._is_saving:
            return False
        self._allowed -= 1
        return True

    @contextmanager
    def sample(
        self, sample: Sample, epoch: int, *, started_ns: int | None = None
    ) -> Iterator["Span"]:
        """The span of one sample in one epoch; give `finish` what became of it.

        Args:
            sample: the row.
            epoch: which repeat.
            started_ns: Unix time, where it started earlier.
        """
        attributes: dict[str, str | int] = {
            "llm_eval.sample.key": sample.key,
            "llm_eval.sample.id": sample.id,
            "llm_eval.sample.epoch": epoch,
        }
        if sample.slice is not None:
            attributes["llm_eval.sample.slice"] = sample.slice
        with self._tracer.start_as_current_span(
            "sample", attributes=attributes, start_time=started_ns
        ) as span:
            yield span

    def finish(self, span: "Span", result: SampleResult) -> None:
        """Record a sample's outcome: status on its span, and an event a score."""
        from opentelemetry.trace import StatusCode, set_span_in_context

        span.set_attribute("llm_eval.sample.status", result.status)
        if result.failure is not None:
            span.set_attribute("error.type", result.failure.code)
            span.set_status(StatusCode.ERROR, result.failure.message)
        context = set_span_in_context(span)
        response_id = result.response.response_id if result.response else None
        for score in result.scores:
            self._emit(score, response_id, context)

    @contextmanager
    def call(
        self, identity: Mapping[str, Any], prompt: Prompt, sampling: Sampling
    ) -> Iterator["Call"]:
        """The span of one model call; give `Call.answer` the reply."""
        from opentelemetry.trace import SpanKind

        who = _who(identity)
        with self._tracer.start_as_current_span(
            f"chat {who['gen_ai.request.model']}",
            kind=SpanKind.CLIENT,
            attributes={**who, **_request(sampling)},
        ) as span:
            if self._capture:
                span.set_attribute("gen_ai.input.messages", _messages(prompt))
            call = Call(span, self._capture)
            try:
                yield call
            except ProviderError as exc:
                span.set_attribute("error.type", exc.code)
                raise
        if call.response is not None and not call.response.cached:
            self.measure(who, call.response)

    @contextmanager
    def scorer(self, name: str) -> Iterator[None]:
        """The span of one scorer on one answer."""
        attributes = {"llm_eval.scorer": name}
        with self._tracer.start_as_current_span(f"score {name}", attributes=attributes):
            yield

    @contextmanager
    def canaries(self, task: str, metric: str) -> Iterator[None]:
        """The span of the texts that are put before a judge ahead of the run."""
        attributes = {"llm_eval.task": task, "llm_eval.scorer": metric}
        with self._tracer.start_as_current_span(f"canaries {metric}", attributes=attributes):
            yield

    def close(self) -> None:
        """Send what waits and stop the senders."""
        for provider in self._providers:
            provider.shutdown()

    def _emit(self, score: Score | Unscored, response_id: str | None, context: "Context") -> None:
        """`gen_ai.evaluation.result`, a child of the sample's span."""
        attributes: dict[str, Any] = {"gen_ai.evaluation.name": score.metric}
        if response_id is not None:
            attributes["gen_ai.response.id"] = response_id
        if isinstance(score, Score):
            attributes["gen_ai.evaluation.score.value"] = score.value
        else:
            attributes["gen_ai.evaluation.score.label"] = "unscored"
            attributes["error.type"] = score.state
        if self._capture and score.reason:
            attributes["gen_ai.evaluation.explanation"] = score.reason
        self._logger.emit(
            event_name="gen_ai.evaluation.result", context=context, attributes=attributes
        )

    def leave_out(self) -> None:
        """Count a sample that has no span."""
        self._n_untraced += 1

    def count(self, response: ModelResponse) -> None:
        """Count a call, unless the cache answered; costs next to nothing."""
        if response.cached:
            return
        usage, totals = response.usage, self._totals
        totals["calls"] += 1
        totals["input"] += usage.prompt_tokens
        totals["output"] += usage.completion_tokens

    def measure(self, who: Mapping[str, str], response: ModelResponse) -> None:
        """Put a call into the histograms."""
        about = {**who, "gen_ai.response.model": response.model}
        usage = response.usage
        self._duration.record(response.latency_s, about)
        self._tokens.record(usage.prompt_tokens, {**about, "gen_ai.token.type": "input"})
        self._tokens.record(usage.completion_tokens, {**about, "gen_ai.token.type": "output"})

    def _make_counters(self, meter: "Meter") -> None:
        from opentelemetry.metrics import Observation

        totals = self._totals

        def calls(_options: object) -> Iterator[Observation]:
            yield Observation(totals["calls"])

        def tokens(_options: object) -> Iterator[Observation]:
            for kind in ("input", "output"):
                yield Observation(totals[kind], {"gen_ai.token.type": kind})

        meter.create_observable_counter("llm_eval.calls", [calls], unit="{call}")
        meter.create_observable_counter("llm_eval.tokens", [tokens], unit="{token}")


class Call:
    """A model call that is traced."""

    def __init__(self, span: "Span", capture: bool) -> None:
        self._span = span
        self._capture = capture
        self.response: ModelResponse | None = None

    def answer(self, response: ModelResponse) -> None:
        """Record the reply."""
        self.response = response
        usage = response.usage
        self._span.set_attributes(
            {
                "gen_ai.response.model": response.model,
                "gen_ai.response.finish_reasons": (response.finish_reason,),
                "gen_ai.usage.input_tokens": usage.prompt_tokens,
                "gen_ai.usage.output_tokens": usage.completion_tokens,
                "gen_ai.usage.cache_read.input_tokens": usage.cached_prompt_tokens,
                "llm_eval.cached": response.cached,
                "llm_eval.attempts": response.attempts,
            }
        )
        if response.response_id is not None:
            self._span.set_attribute("gen_ai.response.id", response.response_id)
        if response.cost_usd is not None:
            self._span.set_attribute("llm_eval.cost_usd", response.cost_usd)
        if self._capture:
            said = {"role": "assistant", "parts": [{"type": "text", "content": response.text}]}
            said["finish_reason"] = response.finish_reason
            self._span.set_attribute("gen_ai.output.messages", _json([said]))


def tracer_from_environment() -> Tracer | None:
    """A tracer that sends where the standard variables say; None where they ask for nothing.

    Raises:
        ConfigError: they ask for it and the packages are missing, or name an unknown exporter.
    """
    if not is_on():
        return None
    try:
        from llm_eval.observability.telemetry_export import providers

        found = providers()
    except ImportError as exc:
        raise ConfigError(
            "OTEL_* asks for telemetry, which needs: pip install 'llm-eval[otel]'"
        ) from exc
    capture = os.environ.get(_CAPTURE, "").lower() in ("true", "1", "span_only", "span_and_event")
    return Tracer(*found, capture_content=capture, samples_per_s=_samples_per_s())


def _samples_per_s() -> float:
    text = os.environ.get(_LIMIT, str(SAMPLES_PER_S))
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate < float("inf"):
        raise ConfigError(f"{_LIMIT} must be a number of at least 0, got {text!r}")
    return rate


def _who(identity: Mapping[str, Any]) -> dict[str, str]:
    """What every span and measurement of a call says."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": str(identity.get("provider", "")),
        "gen_ai.request.model": str(identity.get("model", "")),
    }


def _request(sampling: Sampling) -> Mapping[str, Any]:
    attributes: dict[str, Any] = {
        "gen_ai.request.temperature": sampling.temperature,
        "gen_ai.request.max_tokens": sampling.max_tokens,
        "gen_ai.request.top_p": sampling.top_p,
        "gen_ai.request.seed": sampling.seed,
        "gen_ai.request.stop_sequences": sampling.stop or None,
        "gen_ai.output.type": "json" if sampling.json_schema else None,
    }
    return {name: value for name, value in attributes.items() if value is not None}


def _messages(prompt: Prompt) -> str:
    return _json(
        [{"role": m.role, "parts": [{"type": "text", "content": m.content}]} for m in prompt]
    )


def _json(value: Sequence[Any]) -> str:
    return msgspec.json.encode(value).decode()
