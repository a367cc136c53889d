"""Whatever cannot be written is named, and no exit code changes because nobody can be told."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_eval.cli.main import main
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.testing import StubServer
from tests.cli.conftest import LLM_EVAL, Run

FULL = "No space left on device"


@pytest.fixture
def endpoint() -> Iterator[str]:
    with StubServer().in_thread() as server:
        yield f"openai/stub@{server.url}"


def silenced(arguments: list[str], directory: Path) -> "subprocess.Popen[bytes]":
    """A command whose standard error takes nothing."""
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - the shell opens it, not we
        return subprocess.Popen(
            [*LLM_EVAL, *arguments], cwd=directory, stdout=subprocess.DEVNULL, stderr=full
        )


@pytest.mark.parametrize(
    "words",
    [
        ("compare", "r1", "r2", "--output", "full.md"),
        ("gate", "r2", "--thresholds", "t.yaml", "--junit", "/dev/full"),
        ("gate", "r2", "--thresholds", "t.yaml", "--summary", "/dev/full"),
        ("export", "r1", "--format", "csv", "--output", "/dev/full"),
        ("review", "export", "r1", "--rubric", "qa_correctness", "--output", "full.csv"),
    ],
    ids=lambda words: words[0],
)
def test_a_file_that_cannot_be_written_is_named(
    words: tuple[str, ...],
    endpoint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for tag in ("n=1", "n=2"):
        main(["run", "qa", "--model", endpoint, "--limit", "3", "--tag", tag])
    Path("t.yaml").write_text('qa.exact_match: ">= 0.1"\n')
    for name in ("full.md", "full.csv"):
        Path(name).symlink_to("/dev/full")
    refs = {"r1": "n=1", "r2": "n=2"}
    capsys.readouterr()
    assert main([refs.get(word, word) for word in words]) == 2
    (file,) = (word for word in words if "full" in word)
    assert capsys.readouterr().err == f"llm-eval: {file}: cannot be written: {FULL}\n"


def test_an_output_that_is_full_stops_no_run(endpoint: str, tmp_path: Path) -> None:
    arguments = ["run", "qa", "--model", endpoint, "--limit", "3"]
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [*LLM_EVAL, *arguments], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr.decode()) == (
        2, f"llm-eval: standard output cannot be written: {FULL}\n",
    )  # fmt: skip
    with MetricsStorage(f"sqlite:///{tmp_path}/.llm_eval/runs.db") as storage:
        assert storage.get_run("latest").status == "complete"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["show", "nothing"], 2),
        (["run", "qa", "--model", "openai/m@http://127.0.0.1:9/v1", "--max-time", "1"], 4),
    ],
    ids=["a wrong argument", "an endpoint that is down"],
)
def test_a_message_that_nobody_can_read_changes_no_exit_code(
    arguments: list[str], code: int, endpoint: str, llm_eval: Run, tmp_path: Path
) -> None:
    llm_eval("run", "qa", "--model", endpoint, "--limit", 1)
    assert silenced(arguments, tmp_path).wait(60) == code


def test_an_output_that_is_full_changes_no_other_exit_code(tmp_path: Path) -> None:
    """What was printed before the mistake is still in a buffer when the process ends."""
    code = """
import sys
from llm_eval.cli import main, runs
from llm_eval.errors import StoreError
def execute(args):
    print("half of a table")
    raise StoreError("the database is gone")
runs.execute = execute
sys.exit(main.main(["runs"]))
"""
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE,
            check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (4, b"llm-eval: the database is gone\n")


def test_a_terminal_that_was_closed_stops_no_draining(tmp_path: Path) -> None:
    """SIGHUP comes when nothing can be written any more."""
    with StubServer(latency_s=0.1).in_thread() as server:
        arguments = ["run", "qa", "--model", f"openai/m@{server.url}", "--concurrency", "4"]
        process = silenced(arguments, tmp_path)
        while server.n_requests < 8:
            assert process.poll() is None
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 130
    with MetricsStorage(f"sqlite:///{tmp_path}/.llm_eval/runs.db") as storage:
        info = storage.get_run("latest")
    assert info.status == "interrupted"
    assert json.dumps(info.summary)
    assert 8 <= info.n_done < info.n_total
