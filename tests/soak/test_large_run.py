"""100,000 samples, 256 connections, one call in ten goes wrong, killed twice: all of it arrives."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llm_eval.metrics.storage import MetricsStorage
from tests.cli.conftest import LLM_EVAL

pytestmark = pytest.mark.soak

N = 100_000
FAULTS = ("429=0.03", "500=0.02", "503=0.02", "reset=0.01", "reset_body=0.01", "html=0.01")
TASK = """\
name: sums
data: rows.jsonl
messages: [{role: user, content: "{{ q }}"}]
target: "{{ a }}"
scorers: [exact_match]
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    rows = (json.dumps({"q": f"what is {n} + {n}?", "a": str(2 * n)}) for n in range(N))
    (tmp_path / "rows.jsonl").write_text("".join(f"{row}\n" for row in rows))
    (tmp_path / "t.yaml").write_text(TASK)
    return tmp_path


@pytest.mark.parametrize("kills", [2])
def test_a_large_run_under_faults_survives_being_killed(kills: int, work: Path) -> None:
    faults = [word for fault in FAULTS for word in ("--fault", fault)]
    command = [sys.executable, "-m", "llm_eval.testing.stub", "--latency-ms", "20", *faults]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stub:
        assert stub.stdout is not None
        try:
            url = stub.stdout.readline().strip()
            run_id = killed(work, url, kills)
            done = start(work, "--resume", run_id)
            out, err = done.communicate(timeout=1200)
        finally:
            stub.terminate()
    assert done.returncode == 0, err
    assert json.loads(out)["n_scored"] == N
    with MetricsStorage(f"sqlite:///{work}/.llm_eval/runs.db") as storage:
        table = storage.score_table(run_id)
        assert list(table.indices) == list(range(N))
        assert storage.get_run(run_id).status == "complete"
        assert storage.check() == []


def killed(work: Path, url: str, kills: int) -> str:
    """Start the run and kill it so often, a third of the way further each time."""
    run_id = ""
    for number in range(kills):
        words = ["--resume", run_id] if run_id else ["t.yaml", "--model", f"openai/m@{url}"]
        process = start(work, *words, *([] if run_id else ["--concurrency", "256"]))
        wait_for(work, (number + 1) * N // (kills + 1), process)
        process.kill()
        process.communicate()
        with MetricsStorage(f"sqlite:///{work}/.llm_eval/runs.db") as storage:
            run_id = storage.get_run("latest").run_id
    return run_id


def start(work: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*LLM_EVAL, "run", *words, "--json"],
        cwd=work,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(work: Path, n: int, process: "subprocess.Popen[str]") -> None:
    """Until so many results are durable."""
    deadline = time.monotonic() + 1200
    database = work / ".llm_eval/runs.db"
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(1)
        if not database.exists():
            continue
        with MetricsStorage(f"sqlite:///{database}") as storage:
            if any(info.n_done >= n for info in storage.list_runs(limit=1)):
                return
    raise AssertionError(f"{n} results were not reached")
