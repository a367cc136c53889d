"""A rescoring is a run: killed or stopped, it goes on, pays nothing twice, and reports the same."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from llm_eval.cli.main import main
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.testing import Faults, StubServer, stub_judge
from tests.cli.conftest import LLM_EVAL
from tests.faults.test_same_report import DIFFERS

N = 60
PREPARATION = 14
"""Calls before the first sample, as in `test_judge_calls`."""
SLOTS = 8
LATENCY_S = 0.2
"""Of a verdict: a rescoring goes on for 1.5 s after its first, so that it can be met half-way."""
RESCORE = ("rescore", "latest", "--judge-model", "judge", "--concurrency", str(SLOTS))
GO_ON = ("rescore", "--resume", "latest")
CONFIG = """
models:
  candidate: {{provider: openai, model: m, base_url: {candidate}, price: {{input: 1, output: 2}}}}
  judge: {{provider: openai, model: j, base_url: {judge}, price: {{input: 0.3, output: 0.7}}}}
"""


class Place:
    """A directory with a run whose replies are scored again, and the command line there."""

    def __init__(self, directory: Path, judge: StubServer) -> None:
        self.directory, self.judge = directory, judge
        self.db = f"sqlite:///{directory}/runs.db"

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*LLM_EVAL, *words, "--db", self.db],
            cwd=self.directory,
            env={**os.environ, "OPENAI_API_KEY": "k", "LLM_EVAL_CONFIG": "models.yaml"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> None:
        """To its end, which is that of a complete run."""
        process = self.start(*words)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err

    def until(self, process: "subprocess.Popen[str]", n_verdicts: int) -> None:
        """Wait until the judge was asked for so many, after its preparation."""
        deadline = time.monotonic() + 60
        while self.judge.n_requests < PREPARATION + n_verdicts:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "the judge is not asked"
            time.sleep(0.005)

    def copied(self, name: str) -> "Place":
        """The same run elsewhere, before a judge that was asked nothing."""
        other = self.directory.parent / name
        shutil.copytree(self.directory, other)
        self.judge.n_requests = 0
        return Place(other, self.judge)

    def reports(self) -> dict[str, str]:
        """All that is printed and written of the newest run, but for what must differ."""
        found = {}
        rows = ("export", "latest", "--format", "jsonl", "--output", "-")
        for words in (("show", "latest"), ("show", "latest", "--json"), rows):
            with redirect_stdout(TextIOWrapper(BytesIO(), "utf-8")) as shown:
                assert main([*words, "--db", self.db]) == 0
                shown.seek(0)
                found[" ".join(words)] = shown.read()
        for pattern, word in (*DIFFERS, (re.escape(str(self.directory)), "PLACE")):
            found = {name: re.sub(pattern, word, text) for name, text in found.items()}
        return found

    def n_scored(self) -> int:
        with MetricsStorage(self.db) as storage:
            return storage.get_run("latest").n_done


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("rescoring") / "parent"
    directory.mkdir()
    with (
        StubServer().in_thread() as candidate,
        StubServer(stub_judge.verdict, latency_s=LATENCY_S).in_thread() as judge,
    ):
        urls = {"candidate": candidate.url, "judge": judge.url}
        (directory / "models.yaml").write_text(CONFIG.format(**urls))
        place = Place(directory, judge)
        place.run("run", "qa", "--model", "candidate", "--limit", str(N))
        asked = candidate.n_requests
        yield place
        assert candidate.n_requests == asked  # whatever became of the rescorings


class Calm:
    """What an undisturbed rescoring reports, and how often it asks."""

    def __init__(self, place: Place, *options: str) -> None:
        place.run(*RESCORE, *options)
        self.n_requests = place.judge.n_requests
        self.reports = place.reports()


@pytest.fixture(scope="module")
def calm(parent: Place) -> Calm:
    return Calm(parent.copied("calm"))


@pytest.fixture
def place(parent: Place, calm: Calm, request: pytest.FixtureRequest) -> Iterator[Place]:
    made = parent.copied(re.sub(r"\W", "_", request.node.name))
    yield made
    made.judge.latency_s, made.judge.faults = LATENCY_S, Faults()


@pytest.mark.parametrize("options", [(), ("--no-cache",)])
def test_a_killed_rescoring_goes_on_and_reports_the_same(
    options: tuple[str, ...], place: Place, parent: Place, calm: Calm
) -> None:
    if options:
        calm = Calm(parent.copied("calm_without_cache"), *options)
    place.judge.n_requests = 0
    process = place.start(*RESCORE, *options)
    asked_again = 0
    for share in (0.3, 0.6):
        place.until(process, int(share * N) + asked_again)
        process.kill()
        process.communicate()
        time.sleep(0.2)  # what it sent last arrives
        asked_again = place.judge.n_requests - PREPARATION - place.n_scored()
        assert 0 < place.n_scored() < N
        process = place.start(*GO_ON)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert place.judge.n_requests - calm.n_requests <= 2 * SLOTS  # what was in flight
    assert place.reports() == calm.reports
    place.run(*GO_ON)
    assert place.judge.n_requests - calm.n_requests <= 2 * SLOTS  # nothing, once it is complete


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_drains_and_names_the_command_that_goes_on(
    number: signal.Signals, place: Place, calm: Calm
) -> None:
    process = place.start(*RESCORE)
    place.until(process, N // 3)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "INTERRUPTED" in out
    with MetricsStorage(place.db) as storage:
        stopped = storage.get_run("latest")
    assert f"go on with: llm-eval rescore --resume {stopped.run_id}" in err
    assert stopped.status == "interrupted"
    assert N // 3 <= stopped.n_done < N
    place.run(*GO_ON)
    assert place.judge.n_requests == calm.n_requests  # what was in flight was paid, and kept
    assert place.reports() == calm.reports


def test_who_backs_off_is_left_undone_at_once(place: Place, calm: Calm) -> None:
    process = place.start(*RESCORE)
    place.until(process, 1)
    place.judge.faults = Faults({"429": 1.0}, retry_after_s=30)
    time.sleep(0.5)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert time.monotonic() - started < 5
    place.judge.faults = Faults()
    place.run(*GO_ON)
    assert place.reports() == calm.reports


def test_the_second_signal_leaves_at_once(place: Place, calm: Calm) -> None:
    process = place.start(*RESCORE)
    place.until(process, N // 3)
    place.judge.latency_s = 30.0
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert time.monotonic() - started < 2
    assert process.returncode == 130
    place.judge.latency_s = LATENCY_S
    place.run(*GO_ON)
    assert place.reports() == calm.reports
