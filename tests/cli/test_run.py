"""`llm-eval run` as users and scripts meet it: a process, its output, its exit code."""

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llm_eval.metrics.storage import MetricsStorage
from llm_eval.tasks.build import build_task
from llm_eval.testing import Faults, StubServer
from tests.cli.conftest import LLM_EVAL, Run

KEYS = {
    "run_id", "status", "task", "model", "n_total", "n_scored", "n_failed", "n_unscored",
    "metrics", "slices", "usage", "latency_s", "wall_s", "samples_per_s", "cache_hits", "db",
}  # fmt: skip
METRIC_KEYS = {"value", "value_scored_only", "ci95", "stderr", "n"}


def gold() -> dict[str, str]:
    task = build_task("qa")
    return {
        "\n".join(message.content for message in task.prompt(sample)): task.completion(sample)
        for sample in task.samples("test")
    }


GOLD = gold()


@pytest.fixture
def endpoint() -> Iterator[StubServer]:
    """Knows every answer."""
    with StubServer(lambda prompt: GOLD.get(prompt, "no idea")).in_thread() as server:
        yield server


def spec(server: StubServer) -> str:
    return f"openai/stub@{server.url}"


def test_json_output_is_the_contract_and_nothing_else(llm_eval: Run, endpoint: StubServer) -> None:
    done = llm_eval("run", "qa", "--model", spec(endpoint), "--limit", 30, "--json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed.keys() >= KEYS
    assert printed["metrics"]["exact_match"].keys() >= METRIC_KEYS
    assert printed["metrics"]["exact_match"]["value"] == 1.0
    assert printed["n_total"] == printed["n_scored"] == endpoint.n_requests == 30
    assert set(printed["slices"]) >= {"factual", "reasoning", "multi_hop"}


def test_the_table_shows_values_intervals_and_the_next_command(
    llm_eval: Run, endpoint: StubServer
) -> None:
    done = llm_eval("run", "qa", "--model", spec(endpoint), "--limit", 20)
    assert done.returncode == 0
    assert "exact_match   100.0 %" in done.stdout
    assert "factual" in done.stdout
    assert "llm-eval show run_" in done.stdout
    assert "\x1b" not in done.stdout  # a pipe gets no colours


def test_the_next_command_names_the_database(llm_eval: Run, endpoint: StubServer) -> None:
    done = llm_eval("run", "qa", "--model", spec(endpoint), "--limit", 3, "--db", "sqlite:///my.db")
    (hint,) = [line for line in done.stdout.splitlines() if "llm-eval show" in line]
    words = shlex.split(hint.partition("llm-eval ")[2])
    assert llm_eval(*words).returncode == 0


def test_several_tasks_and_models_are_one_call(llm_eval: Run, endpoint: StubServer) -> None:
    other = spec(endpoint).replace("stub@", "other@")
    done = llm_eval(
        "run", "qa", "json", "--model", spec(endpoint), "--model", other, "--limit", 2, "--json"
    )
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout)["runs"]
    assert [(run["task"], run["model"]) for run in runs] == [
        ("qa", spec(endpoint)), ("qa", other), ("json", spec(endpoint)), ("json", other),
    ]  # fmt: skip


def test_failed_samples_are_exit_code_4_and_can_be_resumed(llm_eval: Run, tmp_path: Path) -> None:
    faults = Faults(script=["400"] * 5)
    with StubServer(lambda p: GOLD.get(p, ""), faults=faults).in_thread() as server:
        first = llm_eval("run", "qa", "--model", spec(server), "--limit", 20, "--json")
        run_id = json.loads(first.stdout)["run_id"]
        second = llm_eval("run", "--resume", run_id, "--json")
    assert (first.returncode, second.returncode) == (4, 0)
    before, after = json.loads(first.stdout), json.loads(second.stdout)
    assert (before["n_failed"], before["metrics"]["exact_match"]["value"]) == (5, 0.75)
    assert (after["n_failed"], after["metrics"]["exact_match"]["value"]) == (0, 1.0)
    assert server.n_requests == 25
    assert f"llm-eval run --resume {run_id}" in first.stderr


def test_a_wrong_key_stops_at_once_with_exit_code_4(llm_eval: Run) -> None:
    with StubServer(key="right").in_thread() as server:
        done = llm_eval("run", "qa", "--model", spec(server), OPENAI_API_KEY="sk-wrong")
    assert done.returncode == 4
    assert "HTTP 401" in done.stderr
    assert "%" not in done.stdout.replace("95 % interval", "")  # no value where there is no sample
    assert "sk-wrong" not in done.stderr + done.stdout


def test_an_endpoint_that_closes_for_an_hour_fails_nobody(llm_eval: Run) -> None:
    faults = Faults(script=[None] * 5 + ["429"], retry_after_s=3600)
    with StubServer(lambda p: GOLD.get(p, ""), faults=faults).in_thread() as server:
        first = llm_eval("run", "qa", "--model", spec(server), "--limit", 20, "--json")
        before = json.loads(first.stdout)
        second = llm_eval("run", "--resume", before["run_id"], "--json")
    after = json.loads(second.stdout)
    assert (first.returncode, second.returncode) == (4, 0)
    assert (before["n_failed"], before["status"]) == (0, "incomplete")
    assert "nobody to ask for 3,600 s, and deadline_s is 1,800; go on later" in first.stderr
    assert f"llm-eval run --resume {before['run_id']}" in first.stderr
    assert (after["n_failed"], after["metrics"]["exact_match"]["value"]) == (0, 1.0)
    assert server.n_requests == 21


def test_a_second_run_comes_from_the_cache(llm_eval: Run, endpoint: StubServer) -> None:
    for _ in range(2):
        done = llm_eval("run", "qa", "--model", spec(endpoint), "--limit", 20, "--json")
    assert endpoint.n_requests == 20
    assert json.loads(done.stdout)["cache_hits"] == 20
    llm_eval("run", "qa", "--model", spec(endpoint), "--limit", 20, "--no-cache")
    assert endpoint.n_requests == 40


def test_a_dry_run_asks_nothing_and_estimates(llm_eval: Run, endpoint: StubServer) -> None:
    done = llm_eval("run", "qa", "--model", spec(endpoint), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert endpoint.n_requests == 0
    assert "120" in done.stdout


def test_tags_are_kept(llm_eval: Run, endpoint: StubServer) -> None:
    llm_eval("run", "qa", "--model", spec(endpoint), "--limit", 2, "--tag", "branch=main")
    done = llm_eval("runs", "--tag", "branch=main", "--json")
    (run,) = json.loads(done.stdout)
    assert run["tags"] == {"branch": "main"}
    assert run.keys() >= {"run_id", "status", "task", "model", "created_at", "n_total", "n_done"}


class TestInterrupted:
    @pytest.fixture
    def slow(self) -> Iterator[StubServer]:
        with StubServer(lambda p: GOLD.get(p, ""), latency_s=0.1).in_thread() as server:
            yield server

    def start(
        self, server: StubServer, directory: Path, environment: dict[str, str]
    ) -> "subprocess.Popen[str]":
        command = [*LLM_EVAL, "run", "qa", "--model", spec(server), "--concurrency", "4", "--json"]
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 60
        while server.n_requests < 20:
            assert time.monotonic() < deadline, "the run did not get going"
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        return process

    def resume(self, llm_eval: Run, tmp_path: Path) -> dict[str, Any]:
        with MetricsStorage(f"sqlite:///{tmp_path}/.llm_eval/runs.db") as storage:
            run_id = storage.get_run("latest").run_id
            assert storage.check() == []
        done = llm_eval("run", "--resume", run_id, "--json")
        assert done.returncode == 0, done.stderr
        printed: dict[str, Any] = json.loads(done.stdout)
        return printed

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_drains_and_says_how_to_go_on(
        self, number: signal.Signals, slow: StubServer, llm_eval: Run, tmp_path: Path,
        environment: dict[str, str],
    ) -> None:  # fmt: skip
        process = self.start(slow, tmp_path, environment)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert json.loads(out)["status"] == "interrupted"
        assert "llm-eval run --resume run_" in err
        asked = slow.n_requests
        assert self.resume(llm_eval, tmp_path)["metrics"]["exact_match"]["value"] == 1.0
        assert slow.n_requests == 120
        assert asked < 120

    def test_a_second_signal_ends_it_within_two_seconds(
        self, slow: StubServer, llm_eval: Run, tmp_path: Path, environment: dict[str, str]
    ) -> None:
        slow.latency_s = 30.0
        process = self.start_hanging(slow, tmp_path, environment)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        process.communicate(timeout=10)
        assert time.monotonic() - started < 8  # at once; a loaded machine takes its time
        assert process.returncode == 130

    def start_hanging(
        self, server: StubServer, directory: Path, environment: dict[str, str]
    ) -> "subprocess.Popen[str]":
        command = [*LLM_EVAL, "run", "qa", "--model", spec(server)]
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while server.n_requests < 4:
            time.sleep(0.02)
        return process

    def test_kill_9_loses_nothing_and_repeats_only_what_was_in_flight(
        self, slow: StubServer, llm_eval: Run, tmp_path: Path, environment: dict[str, str]
    ) -> None:
        process = self.start(slow, tmp_path, environment)
        process.kill()
        process.communicate(timeout=10)
        printed = self.resume(llm_eval, tmp_path)
        undisturbed = llm_eval("run", "qa", "--model", spec(slow), "--no-cache", "--json")
        # In flight: asked, or answered and not yet durable; at most one sample a worker.
        assert slow.n_requests <= 120 + 120 + (2 * 4 + 8)
        expected = json.loads(undisturbed.stdout)
        for field in ("metrics", "slices", "n_total", "n_scored", "status", "usage"):
            assert printed[field] == expected[field], field

    def test_a_closed_pipe_does_not_stop_the_run(
        self, endpoint: StubServer, tmp_path: Path, environment: dict[str, str]
    ) -> None:
        command = [*LLM_EVAL, "run", "qa", "--model", spec(endpoint), "--limit", "30"]
        read, write = os.pipe()
        os.close(read)
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=write, stderr=subprocess.DEVNULL
        )
        os.close(write)
        assert process.wait(60) == 0
        with MetricsStorage(f"sqlite:///{tmp_path}/.llm_eval/runs.db") as storage:
            assert storage.get_run("latest").status == "complete"


def test_show_pages_through_failures_with_everything_one_needs(
    llm_eval: Run, tmp_path: Path
) -> None:
    with StubServer(lambda _: '\x1b]0;title\x07It is {"total": 1}').in_thread() as server:
        llm_eval("run", "json", "--model", spec(server), "--limit", 3)
    shown = llm_eval("show", "latest", "--failures")
    assert shown.returncode == 0
    for part in ("json-test-0001", "expected", "reply", "spurious", "missing", "exact_match"):
        assert part in shown.stdout
    assert "\x1b" not in shown.stdout
    lines = [line for line in shown.stdout.splitlines() if line]
    assert [line for line in lines if not line.startswith((" ", "json-test-"))] == []
    one = llm_eval("show", "latest", "--sample", "json-test-0002", "--json")
    (result,) = json.loads(one.stdout)["results"]
    assert result["sample"]["id"] == "json-test-0002"
