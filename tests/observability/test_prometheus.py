"""Metrics as Prometheus reads them: its own checker, its own server, its own queries."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from statistics import stdev
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from llm_eval import evaluate
from llm_eval.cli.arguments.watch import address
from llm_eval.cli.watch import _limiter_state
from llm_eval.errors import ConfigError, ProviderError
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.limiting import Limiter, Limiting
from llm_eval.models.retrying import Retrying
from llm_eval.observability.live_metrics import LiveRun, serving
from llm_eval.observability.prometheus import push_runs, render_runs
from llm_eval.specs import Limits
from llm_eval.testing import ScriptedModel
from llm_eval.types import (
    Failure,
    ModelResponse,
    RunInfo,
    Sample,
    SampleResult,
    Score,
    Unscored,
    Usage,
)
from tests.observability.scraped import scrape, series

ENDS = ("low", "high")
DEPLOY = Path(__file__).parents[2] / "deploy"
HOSTILE = 'm"} evil{a="\n\x1b[31m\ud800'


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        if os.environ.get("LLM_EVAL_REQUIRE_SYSTEM"):
            pytest.fail(f"{name} is not installed: apt-get install prometheus")
        pytest.skip(f"{name} is not installed: apt-get install prometheus")
    return found


def value(text: str, name: str, **labels: str) -> float:
    return series(text)[name, frozenset(labels.items())]


def result(status: str, number: float = 1.0) -> SampleResult:
    sample = Sample("k", "s", {}, "x")
    if status == "failed":
        return SampleResult(0, 0, sample, failure=Failure("provider", "timeout", "late"))
    response = ModelResponse("x", "m", usage=Usage(10, 2), latency_s=0.3, cost_usd=0.01)
    score = Score("f1", number) if status == "scored" else Unscored("f1", "no verdict")
    return SampleResult(0, 0, sample, (), response, "x", None, (score,))


@pytest.fixture
def finished(storage: MetricsStorage) -> tuple[RunInfo, dict[str, Any]]:
    replies = ["Paris", "Rome"]
    done = evaluate("qa", ScriptedModel(replies, name="m"), db=storage, limit=12)
    info = storage.get_run(done.run_id)
    assert info.summary is not None
    return info, {**info.summary, "usage": {**info.summary["usage"], "cost_usd": 0.5}}


@pytest.mark.system
def test_stored_runs_pass_promtool(finished: tuple[RunInfo, dict[str, Any]]) -> None:
    checked = subprocess.run(
        [tool("promtool"), "check", "metrics"],
        input=render_runs([finished]),
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_stored_runs_say_what_their_summary_says(finished: tuple[RunInfo, dict[str, Any]]) -> None:
    _, numbers = finished
    text = render_runs([finished]).decode()
    who = {"task": "qa", "model": "m"}
    metric = numbers["metrics"]["exact_match"]
    whole = {**who, "metric": "exact_match", "slice": ""}
    assert value(text, "llm_eval_score", **whole) == metric["value"]
    assert value(text, "llm_eval_score_ci95_high", **whole) == metric["ci95"][1]
    assert value(text, "llm_eval_run_samples", **who, status="scored") == 12
    slices = {dict(labels).get("slice", "") for _, labels in series(text)}
    assert not [label for label in slices if "=" in label]


def test_a_run_that_was_stopped_before_its_first_sample_has_no_score(
    storage: MetricsStorage,
) -> None:
    """The worst value would be a regression to the alert rules."""
    model = ScriptedModel(["x"], name="m", fault=lambda _: ProviderError("no", fatal=True))
    done = evaluate("qa", model, db=storage, limit=3)
    numbers = storage.get_run(done.run_id).summary
    assert numbers is not None
    text = render_runs([(storage.get_run(done.run_id), numbers)]).decode()
    assert "llm_eval_score{" not in text
    assert value(text, "llm_eval_run_samples", task="qa", model="m", status="scored") == 0


def test_labels_and_slices_are_bounded(finished: tuple[RunInfo, dict[str, Any]]) -> None:
    info, numbers = finished
    slices = {f"slice {number}": numbers["metrics"] for number in range(60)}
    text = render_runs([(replace(info, model="m" * 500), {**numbers, "slices": slices})]).decode()
    found = [dict(labels) for name, labels in series(text) if name == "llm_eval_score"]
    assert len({labels["slice"] for labels in found}) == 51
    assert {labels["model"] for labels in found} == {"m" * 120}


def test_a_label_cannot_begin_a_line_of_its_own(
    finished: tuple[RunInfo, dict[str, Any]],
) -> None:
    info, numbers = finished
    evil = RunInfo(info.run_id, "qa", HOSTILE, info.created_at, info.recipe)
    text = render_runs([(evil, numbers)]).decode()
    models = {dict(labels)["model"] for _, labels in series(text)}
    assert models == {'m"} evil{a=" \\x1b[31m\\ud800'}


@pytest.mark.parametrize(
    ("prices", "known", "n_unpriced"),
    [([], None, 0), ([None, None], None, 2), ([0.0, 0.0], 0.0, 0), ([0.25, None, 0.5], 0.75, 1)],
)
def test_an_unknown_price_is_no_series_and_counted_never_0(
    prices: list[float | None], known: float | None, n_unpriced: int
) -> None:
    live = LiveRun("qa", "m", 10, worst={"f1": 0.0})
    for price in prices:
        one = result("scored")
        assert one.response is not None
        live.on_result(replace(one, response=replace(one.response, cost_usd=price)))
    with serving(0) as runs:
        runs.add(live)
        text = scrape(runs.port)
    who = frozenset({"task": "qa", "model": "m"}.items())
    assert series(text).get(("llm_eval_cost_dollars_total", who)) == known
    assert series(text)["llm_eval_unpriced_requests_total", who] == n_unpriced


def test_a_reply_from_the_cache_is_no_request_without_a_price() -> None:
    live = LiveRun("qa", "m", 10, worst={"f1": 0.0})
    one = result("scored")
    assert one.response is not None
    cached = replace(one.response, cost_usd=None, cached=True)
    live.on_result(replace(one, response=cached))
    with serving(0) as runs:
        runs.add(live)
        text = scrape(runs.port)
    assert value(text, "llm_eval_unpriced_requests_total", task="qa", model="m") == 0


def test_the_cost_of_a_stored_run_is_absent_where_it_is_unknown(
    finished: tuple[RunInfo, dict[str, Any]],
) -> None:
    info, numbers = finished
    assert "llm_eval_run_cost_dollars{" in render_runs([finished]).decode()
    unknown = {**numbers, "usage": {**numbers["usage"], "cost_usd": None}}
    assert "llm_eval_run_cost_dollars{" not in render_runs([(info, unknown)]).decode()


def test_a_running_evaluation_is_counted() -> None:
    live = LiveRun("qa", "m", 10, worst={"f1": 0.0})
    for one in (result("scored", 1.0), result("scored", 0.5), result("failed"), result("unscored")):
        live.on_result(one)
    with serving(0) as runs:
        runs.add(live)
        text = scrape(runs.port)
    who = {"task": "qa", "model": "m"}
    assert value(text, "llm_eval_planned_samples", **who) == 10
    assert value(text, "llm_eval_samples_total", **who, status="scored") == 2
    assert value(text, "llm_eval_samples_total", **who, status="failed") == 1
    assert value(text, "llm_eval_tokens_total", **who, direction="prompt") == 30
    assert value(text, "llm_eval_cost_dollars_total", **who) == pytest.approx(0.03)
    assert value(text, "llm_eval_request_latency_seconds_bucket", **who, le="0.25") == 0
    assert value(text, "llm_eval_request_latency_seconds_bucket", **who, le="0.5") == 3
    assert value(text, "llm_eval_request_latency_seconds_sum", **who) == pytest.approx(0.9)
    assert value(text, "llm_eval_unpriced_requests_total", **who) == 0
    # The failed and the unscored sample count as worst, as in the headline.
    assert value(text, "llm_eval_score", **who, metric="f1", slice="") == 0.375
    half = 1.959964 * stdev([1.0, 0.5, 0.0, 0.0]) / 4**0.5
    ends = [value(text, f"llm_eval_score_ci95_{end}", **who, metric="f1", slice="") for end in ENDS]
    assert ends == pytest.approx([0.375 - half, 0.375 + half])


def test_a_latency_on_a_bound_is_within_it_and_the_cache_has_none() -> None:
    live = LiveRun("qa", "m", 2, worst={"f1": 0.0})
    one = result("scored")
    assert one.response is not None
    live.on_result(replace(one, response=replace(one.response, latency_s=0.25)))
    live.on_result(replace(one, response=replace(one.response, cached=True)))
    with serving(0) as runs:
        runs.add(live)
        text = scrape(runs.port)
    bucket = "llm_eval_request_latency_seconds_bucket"
    assert value(text, bucket, task="qa", model="m", le="0.1") == 0
    assert value(text, bucket, task="qa", model="m", le="0.25") == 1
    assert value(text, bucket, task="qa", model="m", le="+Inf") == 1


def test_two_runs_share_their_families_and_a_rerun_replaces_the_first() -> None:
    with serving(0) as runs:
        for model in ("m", "n", "m"):
            live = LiveRun("qa", model, 3, worst={"f1": 0.0})
            live.on_result(result("scored"))
            runs.add(live)
        text = scrape(runs.port)
    assert text.count("# HELP llm_eval_samples_total ") == 1
    assert text.count("llm_eval_planned_samples{") == 2
    for model in ("m", "n"):
        labels = {"task": "qa", "model": model, "status": "scored"}
        assert value(text, "llm_eval_samples_total", **labels) == 1


def test_the_limiter_of_a_layered_model_is_shown() -> None:
    limiter = Limiter(Limits(concurrency=7))
    model = Retrying(Limiting(ScriptedModel(["x"]), limiter), Limits())
    state = _limiter_state(model)
    assert state is not None
    live = LiveRun("qa", "m", 1, worst={}, limiter=state)
    names = {family.name: family.samples[0].value for family in live.collect() if family.samples}
    assert names["llm_eval_limiter_slots"] == 7
    assert names["llm_eval_in_flight_requests"] == 0
    assert _limiter_state(ScriptedModel(["x"])) is None


def test_a_port_that_is_taken_is_said() -> None:
    with (
        serving(0) as runs,
        pytest.raises(ConfigError, match=f"{runs.port} cannot be served"),
        serving(runs.port),
    ):
        pass


def test_the_address_is_local_unless_it_is_told() -> None:
    assert address("9464") == ("127.0.0.1", 9464)
    assert address("0.0.0.0:1") == ("0.0.0.0", 1)
    assert address("[::1]:1") == ("::1", 1)


class Gateway(BaseHTTPRequestHandler):
    """Keeps what a Pushgateway would be sent."""

    pushed: list[tuple[str, str, bytes]]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).pushed.append((self.command, self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def gateway() -> Iterator[str]:
    Gateway.pushed = []
    server = HTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_push_replaces_the_group_of_its_task_and_model(
    gateway: str, finished: tuple[RunInfo, dict[str, Any]]
) -> None:
    push_runs(gateway, [finished])
    [(method, path, body)] = Gateway.pushed
    assert (method, path) == ("PUT", "/metrics/job/llm_eval/model/m/task/qa")
    assert b"llm_eval_score{" in body


def test_a_gateway_that_is_down_is_said(finished: tuple[RunInfo, dict[str, Any]]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ProviderError, match=f"Pushgateway {url}"):
            push_runs(url, [finished])


@pytest.mark.system
def test_the_alert_rules_pass_their_tests() -> None:
    promtool = tool("promtool")
    for command in (
        ["check", "rules", "alerts.yaml"],
        ["check", "config", "prometheus.yaml"],
        ["test", "rules", "alerts_test.yaml"],
    ):
        ran = subprocess.run(
            [promtool, *command], cwd=DEPLOY / "prometheus", capture_output=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.system
def test_every_query_of_the_dashboard_has_an_answer_in_a_real_prometheus(
    tmp_path: Path, finished: tuple[RunInfo, dict[str, Any]]
) -> None:
    limiter = Limiter(Limits())
    live = LiveRun("qa", "m", 100, worst={"exact_match": 0.0}, limiter=lambda: limiter.state)
    with serving(0) as runs, serving(0) as stored:
        runs.add(live)
        stored.add(_Stored(finished))  # type: ignore[arg-type]
        with prometheus(tmp_path, [runs.port, stored.port]) as url:
            empty = _queries()
            deadline = time.monotonic() + 40  # a server takes 5 s to look for its targets
            while empty and time.monotonic() < deadline:
                live.on_result(result("scored"))
                time.sleep(0.25)
                empty = [query for query in empty if not ask(url, query)]
    assert empty == []


class _Stored:
    """A stored run as one more collector."""

    def __init__(self, finished: tuple[RunInfo, dict[str, Any]]) -> None:
        self.who = ["stored"]
        self._finished = finished

    def collect(self) -> Iterator[Any]:
        yield from text_string_to_metric_families(render_runs([self._finished]).decode())


def _queries() -> list[str]:
    dashboard = json.loads((DEPLOY / "grafana/llm_eval.json").read_text())
    expressions = [t["expr"] for panel in dashboard["panels"] for t in panel["targets"]]
    assert len(expressions) > 15
    filled = (re.sub(r"\$(task|model|metric)", ".*", text) for text in expressions)
    return [text.replace("$__rate_interval", "10s") for text in filled]


class prometheus:  # noqa: N801
    """A real server that scrapes the given ports; gives its URL."""

    def __init__(self, directory: Path, ports: list[int]) -> None:
        targets = json.dumps([f"127.0.0.1:{port}" for port in ports])
        (directory / "p.yaml").write_text(
            "global: {scrape_interval: 500ms, scrape_timeout: 400ms}\n"
            f"scrape_configs: [{{job_name: t, static_configs: [{{targets: {targets}}}]}}]\n"
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._url = f"http://127.0.0.1:{port}"
        self._command = [
            tool("prometheus"),
            f"--config.file={directory}/p.yaml",
            f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]

    def __enter__(self) -> str:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self._url}/-/ready", timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return self._url
        raise AssertionError("Prometheus does not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)


def ask(url: str, query: str) -> list[Any]:
    address = f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    with urllib.request.urlopen(address, timeout=10) as answer:
        answered = json.load(answer)
    assert answered["status"] == "success", answered
    found: list[Any] = answered["data"]["result"]
    return found


def test_watching_a_run_changes_no_number(storage: MetricsStorage) -> None:
    model = ScriptedModel(["Paris"], name="m")
    live = LiveRun("qa", "m", 5, worst={"exact_match": 0.0})
    watched = evaluate("qa", model, db=storage, limit=5, observers=[live])
    plain = evaluate("qa", model, db=storage, limit=5)
    assert watched.metrics == plain.metrics
