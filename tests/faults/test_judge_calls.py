"""Calls of a judge are counted from what is stored: a process that was killed counts too."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llm_eval.testing import StubServer, stub_judge
from tests.cli.conftest import LLM_EVAL

N = 60
PREPARATION = 14
"""Calls before the first sample: one that settles the scale, eight canaries, five references."""
RUN = ("run", "qa", "--model", "candidate", "--judge-model", "judge")
CONFIG = """
models:
  candidate: {{provider: openai, model: m, base_url: {candidate}, price: {{input: 1, output: 2}}}}
  judge: {{provider: openai, model: j, base_url: {judge}, price: {{input: 0.3, output: 0.7}}}}
"""


@pytest.fixture
def judge(tmp_path: Path) -> Iterator[StubServer]:
    """Takes its time; the candidate answers at once."""
    with (
        StubServer().in_thread() as candidate,
        StubServer(stub_judge.verdict, latency_s=0.1).in_thread() as server,
    ):
        urls = {"candidate": candidate.url, "judge": server.url}
        (tmp_path / "models.yaml").write_text(CONFIG.format(**urls))
        yield server


def start(directory: Path, db: str, *words: str) -> "subprocess.Popen[str]":
    command = [*LLM_EVAL, *words, "--db", f"sqlite:///{directory}/{db}.db", "--json"]
    own = {**os.environ, "LLM_EVAL_CONFIG": "models.yaml", "OPENAI_API_KEY": "k"}
    return subprocess.Popen(
        command, cwd=directory, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def numbers(process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    printed: dict[str, Any] = json.loads(out)
    return printed


@pytest.mark.parametrize("options", [(), ("--judge-samples", "3"), ("--no-cache",)])
def test_a_run_that_was_killed_counts_the_calls_of_one_that_was_not(
    options: tuple[str, ...], judge: StubServer, tmp_path: Path
) -> None:
    words = [*RUN, "--limit", str(N), "--concurrency", "8", *options]
    calm = numbers(start(tmp_path, "calm", *words))
    (block,) = calm["judge"]
    draws = 3 if "--judge-samples" in options else 1
    taken = block["usage"]["judge"]
    paid = taken["calls"] - taken["cache_hits"]  # a reference is asked of when the scale is settled
    assert paid == judge.n_requests > N * draws
    assert taken["cost_usd"] > 0

    judge.n_requests = 0
    process = start(tmp_path, "killed", *words)
    for share in (0.5, 0.8):
        while judge.n_requests < PREPARATION + share * N * draws:
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        process.kill()
        process.communicate()
        process = start(tmp_path, "killed", "run", "--resume", "latest")
    after = numbers(process)
    assert after["judge"] == calm["judge"]
    assert after["usage"] == calm["usage"]
    assert (
        judge.n_requests - paid <= 2 * 40 * draws
    )  # what was in flight, at most one sample a worker


def test_a_rescoring_counts_the_same_calls(judge: StubServer, tmp_path: Path) -> None:
    run = numbers(start(tmp_path, "runs", *RUN, "--limit", "8", "--no-cache"))
    again = ("rescore", "latest", "--judge-model", "judge")
    scored = numbers(start(tmp_path, "runs", *again, "--no-cache"))
    assert scored["judge"][0]["usage"] == run["judge"][0]["usage"]
    for _ in range(2):
        taken = numbers(start(tmp_path, "runs", *again))["judge"][0]["usage"]["judge"]
    assert (taken["cache_hits"], taken["cost_usd"]) == (taken["calls"], 0.0)


def test_calls_without_a_verdict_are_counted_too(judge: StubServer, tmp_path: Path) -> None:
    judge.answer = lambda _prompt: "no verdict"
    (block,) = numbers(start(tmp_path, "runs", *RUN, "--limit", "8"))["judge"]
    assert block["states"]["parse_error"] == 8
    taken = block["usage"]["judge"]
    assert taken["calls"] - taken["cache_hits"] == judge.n_requests
    assert taken["cost_usd"] > 0
