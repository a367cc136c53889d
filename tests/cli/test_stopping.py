"""The first Ctrl-C drains what is in flight, and nobody waits for what has not been asked yet."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llm_eval.metrics.storage import MetricsStorage
from llm_eval.testing import Faults, StubServer, stub_judge
from tests.cli.conftest import LLM_EVAL, Run

N = 60


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Start `llm-eval run qa` in an empty directory; it does not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [*LLM_EVAL, "run", "qa", "--limit", str(N), "--json", *words],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def wait_for(process: "subprocess.Popen[str]", server: StubServer, n_requests: int) -> None:
    """Until so many have asked."""
    deadline = time.monotonic() + 60
    while server.n_requests < n_requests:
        assert time.monotonic() < deadline, "nobody asks"
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def stop(process: "subprocess.Popen[str]", number: signal.Signals = signal.SIGINT) -> float:
    """Seconds from the signal to the end, which has to be that of an interrupted run."""
    started = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    took_s = time.monotonic() - started
    assert process.returncode == 130, err
    assert json.loads(out)["n_failed"] == 0
    assert "llm-eval run --resume run_" in err
    return took_s


def resumed(llm_eval: Run) -> dict[str, Any]:
    done = llm_eval("run", "--resume", "latest", "--json")
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_backs_off_is_left_undone_at_once(
    number: signal.Signals, start: Start, llm_eval: Run
) -> None:
    """Some wait for 30 s because they were refused, the others because the key is closed."""
    faults = Faults(script=[None] * 8 + ["429"] * 8, retry_after_s=30)
    with StubServer(faults=faults).in_thread() as server:
        process = start("--model", f"openai/m@{server.url}")
        wait_for(process, server, 16)
        time.sleep(0.3)
        assert stop(process, number) < 5  # well under 2; a loaded machine takes its time
        asked = server.n_requests
        after = resumed(llm_eval)
    assert (after["n_scored"], after["n_failed"]) == (N, 0)
    assert asked < N
    assert server.n_requests == N + 8  # nothing durable is asked again


def test_who_waits_for_a_slot_is_left_undone_too(start: Start, llm_eval: Run) -> None:
    with StubServer(latency_s=0.5).in_thread() as server:
        words = ("--model", f"openai/m@{server.url}", "--concurrency", "2")
        process = start(*words)
        wait_for(process, server, 3)
        stop(process)
        assert server.n_requests <= 4  # of the 16 that stood ready
        server.latency_s = 0.0
        assert resumed(llm_eval)["n_scored"] == N
    assert server.n_requests == N


def test_a_judge_that_backs_off_leaves_its_samples_undone_and_their_replies_kept(
    start: Start, llm_eval: Run, tmp_path: Path
) -> None:
    with (
        StubServer().in_thread() as candidate,
        StubServer(stub_judge.verdict).in_thread() as judge,
    ):
        words = ("--judge-model", f"openai/judge@{judge.url}")
        process = start("--model", f"openai/m@{candidate.url}", *words)
        wait_for(process, candidate, 1)
        judge.faults = Faults({"429": 1.0}, retry_after_s=30)
        wait_for(process, candidate, N)
        time.sleep(0.3)
        assert stop(process) < 5
        with MetricsStorage(f"sqlite:///{tmp_path}/.llm_eval/runs.db") as storage:
            assert storage.get_run("latest").n_done < N
        judge.faults = Faults()
        after = resumed(llm_eval)
    states = after["judge"][0]["states"]
    assert states["scored"] == sum(states.values()) == N
    assert candidate.n_requests == N


def test_a_stop_before_the_first_sample_leaves_no_run(start: Start) -> None:
    """The judge is asked first, and it is closed."""
    faults = Faults({"429": 1.0}, retry_after_s=30)
    with StubServer(faults=faults).in_thread() as judge:
        words = ("--model", "openai/m@http://127.0.0.1:9/v1")
        process = start(*words, "--judge-model", f"openai/judge@{judge.url}")
        wait_for(process, judge, 1)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "told to stop before it was asked" in err
    assert "Traceback" not in err
