"""Whatever goes wrong between us and a model: nothing lost, nothing doubled, nothing invented.

Each scenario runs against a stub that keeps a journal; afterwards the database must agree with it.
"""

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from llm_eval import evaluate
from llm_eval.execution import Evaluation
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.base import BaseModel
from llm_eval.models.build import build_model
from llm_eval.specs import Limits, ModelSpec
from llm_eval.testing import Faults, StubServer
from llm_eval.testing.stub_replies import hashed
from tests.test_runner import Numbers

N = 60
LIMITS = Limits(
    concurrency=16,
    connect_s=1.0,
    first_byte_s=0.4,
    idle_s=0.4,
    total_s=1.0,
    max_attempts=12,
    max_response_bytes=2_000_000,
)
PASSING = {
    "429s with Retry-After": Faults({"429": 0.3}, retry_after_s=0.3),
    "server errors": Faults({"500": 0.05, "502": 0.05, "503": 0.05, "504": 0.03, "529": 0.02}),
    "resets": Faults({"reset": 0.05, "reset_headers": 0.05, "reset_body": 0.1}),
    "broken bodies": Faults({"short": 0.1, "truncated_json": 0.1, "empty_body": 0.05}),
    "silence": Faults({"hang": 0.05, "stall": 0.05}),
    "wrong pages": Faults({"html": 0.1, "error_json": 0.1, "wrong_types": 0.05}),
    "no choices": Faults({"empty_choices": 0.2}),
    "timeouts and conflicts": Faults({"408": 0.1, "409": 0.1}),
    "everything at once": Faults(
        {"429": 0.03, "500": 0.03, "reset": 0.02, "reset_body": 0.02, "short": 0.02, "hang": 0.01}
    ),
}
PERMANENT = ("400", "413", "422", "huge")
FATAL = ("401", "403", "404", "redirect")
ODD = ("nul", "surrogate", "invalid_utf8", "null_content", "refusal", "content_filter")


def answer(prompt: str) -> str:
    """Two of three are right."""
    return prompt if int(prompt) % 3 else hashed(prompt)


def model(stub: StubServer, limits: Limits = LIMITS) -> BaseModel:
    spec = ModelSpec(name="m", provider="openai", model="m", base_url=stub.url, limits=limits)
    return build_model(spec)


def run(storage: MetricsStorage, stub: StubServer, limits: Limits = LIMITS) -> Evaluation:
    return evaluate(Numbers(n=N), model(stub, limits), db=storage, concurrency=16)


def check_against(journal: StubServer, run: Evaluation) -> None:
    """The oracle: what was accepted is what was planned, and what the endpoint really said."""
    results = list(run.results())
    places = Counter((result.index, result.epoch) for result in results)
    assert set(places) == {(n, 0) for n in range(N)}
    assert set(places.values()) == {1}
    complete = {e.prompt: e.text for e in journal.journal if e.completed and e.fault is None}
    for result in results:
        if result.response is not None and result.response.finish_reason == "stop":
            assert result.response.text == complete[result.prompt[-1].content]
    assert run.storage.check() == []


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_leaves_no_trace(name: str, storage: MetricsStorage) -> None:
    with StubServer(answer).in_thread() as calm:
        expected = run(storage, calm)
    with StubServer(answer, faults=replace(PASSING[name], seed=3)).in_thread() as stub:
        disturbed = run(storage, stub)
        asked = stub.n_requests
    check_against(stub, disturbed)
    assert disturbed.status == "complete"
    assert disturbed.metrics == expected.metrics
    assert asked <= 2 * N  # attempts stay within reason


@pytest.mark.parametrize("fault", PERMANENT)
def test_what_cannot_pass_is_asked_once_and_counts_as_failed(
    fault: str, storage: MetricsStorage
) -> None:
    with StubServer(answer, faults=Faults(script=[fault] * 10)).in_thread() as stub:
        done = run(storage, stub)
        assert stub.n_requests == N
    check_against(stub, done)
    metric = done.metrics["exact_match"]
    assert (done.status, metric.n, metric.n_failed) == ("incomplete", N, 10)
    assert metric.value < (metric.value_scored_only or 0)


@pytest.mark.parametrize("fault", FATAL)
def test_what_no_sample_can_pass_stops_the_run(fault: str, storage: MetricsStorage) -> None:
    with StubServer(answer, faults=Faults(script=[fault] * 1000)).in_thread() as stub:
        done = run(storage, stub)
        assert stub.n_requests <= 16 + 1  # the slots that were in use, and who came meanwhile
    assert done.status == "incomplete"
    assert list(done.results()) == []


@pytest.mark.parametrize("fault", ODD)
def test_odd_replies_are_kept_and_never_scored_as_right(
    fault: str, storage: MetricsStorage
) -> None:
    with StubServer(answer, faults=Faults(script=[fault] * 1000)).in_thread() as stub:
        done = run(storage, stub)
    assert len(list(done.results())) == N
    assert done.metrics["exact_match"].value == 0.0
    assert done.metrics["exact_match"].n_failed == 0


def test_an_outage_in_the_middle_is_waited_out(storage: MetricsStorage) -> None:
    faults = Faults(script=[None] * 20 + ["503"] * 20)
    with StubServer(answer, faults=faults).in_thread() as stub:
        done = run(storage, stub, replace(LIMITS, deadline_s=60))
    check_against(stub, done)
    assert done.status == "complete"


def test_nobody_listening_ends_with_a_typed_failure_for_each(storage: MetricsStorage) -> None:
    stub = StubServer(answer)
    with stub.in_thread():
        pass
    done = run(storage, stub, replace(LIMITS, max_attempts=2, deadline_s=2))
    assert done.status == "incomplete"
    failures = [result.failure for result in done.results()]
    assert {failure.code for failure in failures if failure} <= {"connection", "unavailable"}
    assert done.metrics["exact_match"].n_failed == len(failures) == N


def test_nothing_is_left_open(storage: MetricsStorage) -> None:
    """Connections end a moment after their run, in a thread of the HTTP client."""
    with StubServer(answer, faults=PASSING["everything at once"]).in_thread() as stub:
        run(storage, stub)
        before = descriptors()
        for _ in range(3):
            run(storage, stub)
        deadline = time.monotonic() + 10
        while descriptors() > before + 4 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert descriptors() <= before + 4


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
