"""Telemetry: what is sent, to whom, and that nothing is when it is off."""

import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import islice
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from llm_eval import evaluate, execution, tracing
from llm_eval.errors import ConfigError, ProviderError
from llm_eval.judging import with_scorers
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.caching import Caching
from llm_eval.observability import tracer
from llm_eval.observability.tracer import Tracer, is_on, tracer_from_environment
from llm_eval.rescore import Rescoring, rescore
from llm_eval.runner import Job, Work
from llm_eval.scorers.canaries import N_SAMPLES, canary_texts
from llm_eval.tasks.build import build_task
from llm_eval.testing import ScriptedModel, StubServer, stub_judge
from llm_eval.testing.scripted import Call
from llm_eval.tracing import TracedModel, TracedScorer, traced
from llm_eval.types import (
    Failure,
    ModelResponse,
    Prompt,
    RunInfo,
    Sample,
    SampleResult,
    Sampling,
    Score,
    Unscored,
    Usage,
)
from tests.scorers.judges import BEST, judge, saying, verdict

REPLY = "words of the model"
A_RUN = RunInfo("run_1", "qa", "m", "2026-01-02T03:04:05+00:00", {})


def events_in_memory() -> InMemoryLogRecordExporter:
    return InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]


class Memory:
    """A tracer whose telemetry stays here."""

    def __init__(self, *, capture: bool = False, samples_per_s: float = 0) -> None:
        self._spans, self._logs = InMemorySpanExporter(), events_in_memory()
        self.metrics = InMemoryMetricReader()
        traces, logs = TracerProvider(), LoggerProvider()
        traces.add_span_processor(SimpleSpanProcessor(self._spans))
        logs.add_log_record_processor(SimpleLogRecordProcessor(self._logs))
        meters = MeterProvider(metric_readers=[self.metrics])
        self.tracer = Tracer(
            traces, meters, logs, capture_content=capture, samples_per_s=samples_per_s
        )
        self.tracer.close = lambda: None  # type: ignore[method-assign]

    def spans(self, beginning: str) -> list[ReadableSpan]:
        return [s for s in self._spans.get_finished_spans() if s.name.startswith(beginning)]

    def events(self) -> list[dict[str, Any]]:
        records = [data.log_record for data in self._logs.get_finished_logs()]
        assert {record.event_name for record in records} <= {"gen_ai.evaluation.result"}
        return [{**(r.attributes or {}), "span": r.span_id} for r in records]

    def points(self, name: str) -> list[Any]:
        data = self.metrics.get_metrics_data()
        assert data is not None
        metrics: list[Any] = list(data.resource_metrics[0].scope_metrics[0].metrics)
        return [point for m in metrics if m.name == name for point in m.data.data_points]

    def n_calls(self) -> int:
        return sum(point.value for point in self.points("llm_eval.calls"))

    def text(self) -> str:
        shown = [span.to_json() for span in self._spans.get_finished_spans()]
        return "".join(shown) + repr(self.events())


def reply(messages: Prompt, sampling: Sampling, repeat: int) -> ModelResponse:
    return ModelResponse(
        REPLY, "m-2026", usage=Usage(11, 3), latency_s=0.25, response_id="r1", cost_usd=0.5
    )


def a_job() -> Job:
    model = ScriptedModel(reply, name="m")
    return Job(A_RUN.run_id, build_task("qa"), model, Sampling(), "test", 1)


def late(call: Call, number: int = 1) -> ProviderError | None:
    return ProviderError("too late", code="timeout") if call.number == number else None


def run(
    monkeypatch: pytest.MonkeyPatch, storage: MetricsStorage, memory: Memory, **options: Any
) -> None:
    monkeypatch.setattr(execution, "tracer_from_environment", lambda: memory.tracer)
    evaluate("qa", ScriptedModel(reply, name="m", fault=late), db=storage, limit=3, **options)


def test_spans_nest_from_run_to_scorer(
    monkeypatch: pytest.MonkeyPatch, storage: MetricsStorage
) -> None:
    memory = Memory()
    run(monkeypatch, storage, memory)
    [whole] = memory.spans("evaluate qa")
    samples, calls, scorers = memory.spans("sample"), memory.spans("chat"), memory.spans("score ")
    assert (len(samples), len(calls)) == (3, 3)
    assert len(scorers) % 2 == 0
    assert scorers
    assert {s.parent.span_id for s in samples if s.parent} == {whole.context.span_id}
    inner = {s.context.span_id for s in samples}
    assert {s.parent.span_id for s in [*calls, *scorers] if s.parent} <= inner
    assert len({s.context.trace_id for s in [whole, *samples, *calls, *scorers]}) == 1


def test_the_calls_of_a_judge_are_spans_within_its_score(
    monkeypatch: pytest.MonkeyPatch, storage: MetricsStorage
) -> None:
    memory = Memory()
    monkeypatch.setattr(execution, "tracer_from_environment", lambda: memory.tracer)
    panel = judge(saying(verdict(BEST), name="j1"), saying(verdict(BEST), name="j2"))
    task = with_scorers(build_task("qa"), [panel])
    done = evaluate(task, ScriptedModel(reply, name="m"), db=storage, limit=2)
    assert done.metrics["judge_pass"].value == 1.0
    scores = {s.context.span_id for s in memory.spans("score llm_judge")}
    for name in ("chat j1", "chat j2"):
        within = [s for s in memory.spans(name) if s.parent and s.parent.span_id in scores]
        assert len(within) == 2
        assert dict(within[0].attributes or {})["gen_ai.usage.output_tokens"] is not None


def test_a_rescoring_is_traced_and_its_replies_are_no_calls(
    monkeypatch: pytest.MonkeyPatch, storage: MetricsStorage
) -> None:
    memory = Memory()
    evaluate("qa", ScriptedModel(reply, name="m"), db=storage, limit=2)
    monkeypatch.setattr(execution, "tracer_from_environment", lambda: memory.tracer)
    with StubServer(stub_judge.verdict).in_thread() as stub:
        rescore(Rescoring(run="latest", judge_model=f"openai/j@{stub.url}"), storage)
    [whole] = memory.spans("evaluate qa")
    samples, scores = memory.spans("sample"), memory.spans("score llm_judge")
    assert [s.parent and s.parent.span_id for s in samples] == [whole.context.span_id] * 2
    judged = {s.context.span_id for s in scores}
    assert len([s for s in memory.spans("chat j") if s.parent and s.parent.span_id in judged]) == 2
    assert len(memory.spans("canaries judge")) == 1
    assert memory.n_calls() == 0


def test_canaries_are_a_trace_of_their_own_ahead_of_the_run(
    monkeypatch: pytest.MonkeyPatch, storage: MetricsStorage
) -> None:
    memory = Memory()
    monkeypatch.setattr(execution, "tracer_from_environment", lambda: memory.tracer)
    watched = judge(saying(verdict(BEST), name="j1"))
    task = with_scorers(build_task("qa"), [watched])
    evaluate(task, ScriptedModel(reply, name="m"), db=storage, limit=2)
    [canaries] = memory.spans("canaries judge")
    assert dict(canaries.attributes or {}) == {"llm_eval.task": "qa", "llm_eval.scorer": "judge"}
    assert canaries.parent is None
    asked = memory.spans("chat j1")
    within = [s for s in asked if s.parent and s.parent.span_id == canaries.context.span_id]
    assert len(within) == len(canary_texts(watched.grades_by)) + N_SAMPLES
    assert all(span.parent for span in asked)  # no call without a place, and none traced twice
    assert len(asked) == len(within) + 2
    [whole] = memory.spans("evaluate qa")
    assert canaries.end_time <= whole.start_time  # type: ignore[operator]


def test_a_call_has_the_names_of_the_conventions(
    monkeypatch: pytest.MonkeyPatch, storage: MetricsStorage
) -> None:
    memory = Memory()
    run(monkeypatch, storage, memory, temperature=0.5, max_tokens=7, seed=3)
    call = next(s for s in memory.spans("chat m") if s.status.is_ok or s.status.is_unset)
    assert call.kind is SpanKind.CLIENT
    attributes = dict(call.attributes or {})
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted",
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 7,
        "gen_ai.request.seed": 3,
        "gen_ai.response.model": "m-2026",
        "gen_ai.response.id": "r1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 3,
    }
    assert {name: attributes.get(name) for name in expected} == expected


def test_a_failure_is_an_error_on_call_and_sample(
    monkeypatch: pytest.MonkeyPatch, storage: MetricsStorage
) -> None:
    memory = Memory()
    run(monkeypatch, storage, memory)
    for name in ("chat", "sample"):
        [failed] = [s for s in memory.spans(name) if s.status.status_code is StatusCode.ERROR]
        assert (failed.attributes or {})["error.type"] == "timeout"


def test_every_score_is_an_event_of_its_sample(
    monkeypatch: pytest.MonkeyPatch, storage: MetricsStorage
) -> None:
    memory = Memory()
    run(monkeypatch, storage, memory)
    events = memory.events()
    exact = [e for e in events if e["gen_ai.evaluation.name"] == "exact_match"]
    assert [e["gen_ai.evaluation.score.value"] for e in exact] == [0.0, 0.0]
    assert {e["gen_ai.response.id"] for e in exact} == {"r1"}
    samples = {s.context.span_id for s in memory.spans("sample")}
    assert {e["span"] for e in events} <= samples


def test_tokens_and_durations_are_measured(
    monkeypatch: pytest.MonkeyPatch, storage: MetricsStorage
) -> None:
    memory = Memory()
    run(monkeypatch, storage, memory)
    [duration] = memory.points("gen_ai.client.operation.duration")
    assert (duration.count, duration.sum) == (2, 0.5)
    usage = memory.points("gen_ai.client.token.usage")
    assert {p.attributes["gen_ai.token.type"]: p.sum for p in usage} == {"input": 22, "output": 6}
    counted = {p.attributes["gen_ai.token.type"]: p.value for p in memory.points("llm_eval.tokens")}
    assert counted == {"input": 22, "output": 6}


def test_prompts_and_replies_are_sent_only_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, storage: MetricsStorage
) -> None:
    silent, telling = Memory(), Memory(capture=True)
    run(monkeypatch, storage, silent)
    assert REPLY not in silent.text()
    run(monkeypatch, storage, telling)
    attributes = dict(telling.spans("chat")[0].attributes or {})
    assert REPLY in str(attributes["gen_ai.output.messages"])
    assert '"role":"user"' in str(attributes["gen_ai.input.messages"])


def test_fast_runs_have_spans_for_some_samples_and_for_every_failure(
    monkeypatch: pytest.MonkeyPatch, storage: MetricsStorage
) -> None:
    memory = Memory(samples_per_s=1e-9)
    monkeypatch.setattr(tracer, "_BURST", 2.0)
    memory.tracer._allowed = 2.0
    monkeypatch.setattr(execution, "tracer_from_environment", lambda: memory.tracer)
    model = ScriptedModel(reply, name="m", fault=lambda call: late(call, number=5))
    evaluate("qa", model, db=storage, limit=8)
    samples = memory.spans("sample")
    assert len(samples) == 3
    assert [s.status.status_code for s in samples].count(StatusCode.ERROR) == 1
    assert len(memory.spans("chat")) == 2
    assert dict(memory.spans("evaluate")[0].attributes or {})["llm_eval.n_untraced"] == 8 - 3
    assert memory.n_calls() == 7


def test_spans_come_in_bunches_at_the_rate_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(tracer, "monotonic", lambda: now)
    watching = Memory(samples_per_s=20).tracer
    admitted = []
    for _ in range(6 * 64):  # six seconds of 64 samples each
        admitted.append(watching.admits())
        now += 1 / 64
    bunches = [len(bunch) for bunch in "".join("x" if one else " " for one in admitted).split()]
    assert len(bunches) == 5
    assert all(20 <= n < 32 for n in bunches)
    assert sum(bunches) <= 20 + 6 * 20


def test_a_model_slower_than_the_limit_has_every_sample_traced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(tracer, "monotonic", lambda: now)
    watching = Memory(samples_per_s=20).tracer
    for _ in range(500):
        assert watching.admits()
        now += 1 / 19


async def test_a_sample_without_spans_passes_through_no_layer() -> None:
    memory, plain, seen = Memory(samples_per_s=1e-9), a_job(), []
    memory.tracer._allowed = 1.0

    async def evaluate_one(job: Job, work: Work) -> SampleResult:
        seen.append(job)
        return SampleResult(work.index, work.epoch, work.sample, ())

    [sample] = islice(plain.task.samples("test"), 1)
    with traced(plain, A_RUN, memory.tracer) as job:
        assert job.around is not None
        for epoch in (0, 1):
            await job.around(evaluate_one)(job, Work(0, epoch, sample, None))
    assert isinstance(seen[0].model, TracedModel)
    assert all(isinstance(scorer, TracedScorer) for scorer in seen[0].task.scorers)
    assert (seen[1].model, seen[1].task) == (plain.model, plain.task)


def test_replies_of_the_cache_are_no_calls(
    monkeypatch: pytest.MonkeyPatch, storage: MetricsStorage
) -> None:
    memory = Memory()
    monkeypatch.setattr(execution, "tracer_from_environment", lambda: memory.tracer)
    model = Caching(ScriptedModel(reply, name="m"), storage.cache())
    evaluate("qa", model, db=storage, limit=2)
    evaluate("qa", model, db=storage, limit=3)
    calls = [(s.attributes or {})["llm_eval.cached"] for s in memory.spans("chat")]
    assert (calls.count(False), calls.count(True)) == (3, 2)
    [duration] = memory.points("gen_ai.client.operation.duration")
    assert (memory.n_calls(), duration.count) == (3, 3)


@pytest.mark.parametrize("capture", [False, True])
def test_what_a_scorer_says_is_sent_only_when_asked_for(capture: bool) -> None:
    memory = Memory(capture=capture)
    sample, response = Sample("k", "s", {}, "x"), reply((), Sampling(), 0)
    scores = (Score("f1", 0.5, "half of it"), Unscored("judge", "it is silent", "abstained"))
    with memory.tracer.sample(sample, 0) as span:
        memory.tracer.finish(span, SampleResult(0, 0, sample, (), response, scores=scores))
    scored, unscored = memory.events()
    assert scored.get("gen_ai.evaluation.explanation") == ("half of it" if capture else None)
    assert scored["gen_ai.evaluation.score.value"] == 0.5
    assert unscored["error.type"] == "abstained"
    assert "gen_ai.evaluation.score.value" not in unscored


async def test_a_failure_without_spans_has_one_from_its_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracing, "time_ns", lambda: 1_000)
    memory = Memory(samples_per_s=1e-9)
    memory.tracer._allowed = 0.0
    [sample] = islice(build_task("qa").samples("test"), 1)

    async def evaluate_one(_job: Job, work: Work) -> SampleResult:
        failure = Failure("provider", "timeout", "late")
        return SampleResult(work.index, work.epoch, work.sample, failure=failure)

    with traced(a_job(), A_RUN, memory.tracer) as job:
        assert job.around is not None
        await job.around(evaluate_one)(job, Work(0, 0, sample, None))
    [span] = memory.spans("sample")
    assert span.start_time == 1_000


async def test_a_reply_that_an_earlier_process_got_is_no_call() -> None:
    memory = Memory()
    [sample] = islice(build_task("qa").samples("test"), 1)
    response = reply((), Sampling(), 0)

    async def evaluate_one(_job: Job, work: Work) -> SampleResult:
        return SampleResult(work.index, work.epoch, work.sample, (), response)

    with traced(a_job(), A_RUN, memory.tracer) as job:
        assert job.around is not None
        evaluated = job.around(evaluate_one)
        await evaluated(job, Work(0, 0, sample, response))
        assert memory.n_calls() == 0
        await evaluated(job, Work(0, 1, sample, None))
        assert memory.n_calls() == 1


@pytest.mark.parametrize("text", ["x", "-1", "inf", "nan"])
def test_a_limit_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "console")
    monkeypatch.setenv("LLM_EVAL_TRACED_SAMPLES_PER_S", text)
    with pytest.raises(ConfigError, match="LLM_EVAL_TRACED_SAMPLES_PER_S must be a number"):
        tracer_from_environment()


def test_tracing_changes_no_number(
    monkeypatch: pytest.MonkeyPatch, storage: MetricsStorage
) -> None:
    model = ScriptedModel(["Paris"], name="m")
    plain = evaluate("qa", model, db=storage, limit=4)
    monkeypatch.setattr(execution, "tracer_from_environment", lambda: Memory().tracer)
    watched = evaluate("qa", model, db=storage, limit=4)
    assert watched.metrics == plain.metrics
    both = [storage.get_run(done.run_id).recipe for done in (plain, watched)]
    assert both[0] == both[1]


@pytest.mark.parametrize(
    ("variables", "on"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "false"}, True),
    ],
)
def test_the_standard_variables_decide(variables: dict[str, str], on: bool) -> None:
    assert is_on(variables) is on


def test_an_unknown_exporter_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with pytest.raises(ConfigError, match=r"'zipkin'.*otlp, console or none"):
        tracer_from_environment()


def test_off_imports_nothing_of_opentelemetry() -> None:
    code = "import sys, llm_eval.evaluation; print([m for m in sys.modules if 'opentele' in m])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


class Collector(BaseHTTPRequestHandler):
    """An OTLP/HTTP receiver."""

    received: dict[str, list[bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        type(self).received.setdefault(self.path, []).append(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def collector() -> Iterator[str]:
    Collector.received = {}
    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_collector_gets_spans_events_and_metrics_over_http(
    collector: str, monkeypatch: pytest.MonkeyPatch, storage: MetricsStorage
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
    evaluate("qa", ScriptedModel(reply, name="m"), db=storage, limit=3)
    traces = ExportTraceServiceRequest()
    for body in Collector.received["/v1/traces"]:
        traces.MergeFromString(body)
    names = [span.name for r in traces.resource_spans for s in r.scope_spans for span in s.spans]
    assert names.count("sample") == 3
    assert names.count("chat m") == 3
    resource = {a.key: a.value.string_value for a in traces.resource_spans[0].resource.attributes}
    assert resource["service.name"] == "llm-eval"
    logs = ExportLogsServiceRequest.FromString(Collector.received["/v1/logs"][0])
    record = logs.resource_logs[0].scope_logs[0].log_records[0]
    assert record.event_name == "gen_ai.evaluation.result"
    metrics = ExportMetricsServiceRequest.FromString(Collector.received["/v1/metrics"][-1])
    measured = {m.name for m in metrics.resource_metrics[0].scope_metrics[0].metrics}
    assert measured == {
        "gen_ai.client.operation.duration",
        "gen_ai.client.token.usage",
        "llm_eval.calls",
        "llm_eval.tokens",
    }


def test_a_signal_that_is_switched_off_is_not_sent(
    collector: str, monkeypatch: pytest.MonkeyPatch, storage: MetricsStorage
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    evaluate("qa", ScriptedModel(reply, name="m"), db=storage, limit=1)
    assert sorted(Collector.received) == ["/v1/metrics", "/v1/traces"]
