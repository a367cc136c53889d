"""Whatever ends an export in its middle, the good file of before stays, and nothing lies beside it.

The kernel itself refuses: a limit on the size of files, as a full disk; SIGKILL, as a power cut.
"""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from llm_eval.metrics.exporters import EXPORTERS
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import RunInfo
from tests.exports.conftest import results, store

SINKS = {
    "csv": ["export", "latest", "--format", "csv", "--output"],
    "jsonl": ["export", "latest", "--format", "jsonl", "--output"],
    "parquet": ["export", "latest", "--format", "parquet", "--output"],
    "scores": ["export", "latest", "--format", "csv", "--table", "scores", "--output"],
    "html": ["export", "latest", "--format", "html", "--output"],
    "prometheus": ["export", "latest", "--format", "prometheus", "--output"],
    "junit": ["export", "latest", "--format", "junit", "--output"],
    "model-index": ["export", "latest", "--format", "model-index", "--output"],
    "trend": ["trend", "qa", "--metric", "f1", "--svg"],
    "compare.md": ["compare", "kept", "latest", "--output"],
    "gate-junit": ["gate", "latest", "--thresholds", "t.yaml", "--junit"],
    "baselines.json": ["baseline", "export"],
    "labels.csv": ["review", "export", "latest", "--rubric", "qa_correctness", "--output"],
}
LIMITED = """
import resource, signal, sys
sys.dont_write_bytecode = True  # it would be cut at the limit, and break whoever comes next
from llm_eval.cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (256, 256))
sys.exit(main(sys.argv[1:]))
"""
KILLED = """
import os, signal, sys
from llm_eval.metrics import atomic_file
def killed(_descriptor):
    os.kill(os.getpid(), signal.SIGKILL)
atomic_file.os.fsync = killed
from llm_eval.cli.main import main
main(sys.argv[1:])
"""


@pytest.fixture
def complete(storage: MetricsStorage, run: RunInfo) -> RunInfo:
    """A model card takes no other; one before it is a baseline, to export and to compare with."""
    storage.baselines.promote("kept", run.run_id, by="a test")
    newest = store(storage, "run_20260103_030405_bbbbbb", results())
    storage.update_run(newest.run_id, status="complete")
    return newest


def export(code: str, sink: str, file: Path) -> "subprocess.CompletedProcess[str]":
    directory = file.parents[1]
    file.parent.mkdir()
    file.write_text("good")
    (directory / "t.yaml").write_text('qa.f1: ">= 0.99"\n')
    database = f"sqlite:///{directory}/runs.db"
    return subprocess.run(
        [sys.executable, "-c", code, *SINKS[sink], str(file), "--db", database],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def named(sink: str, directory: Path) -> Path:
    """Some writers look at the file's ending."""
    return directory / "out" / f"good{Path(sink).suffix}"


@pytest.mark.parametrize("sink", SINKS)
def test_a_disk_that_is_full_in_the_middle_is_said_and_leaves_the_good_file(
    sink: str, tmp_path: Path, complete: RunInfo
) -> None:
    file = named(sink, tmp_path)
    done = export(LIMITED, sink, file)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [f"llm-eval: {file}: cannot be written: File too large"]
    assert {each.name: each.read_text() for each in file.parent.iterdir()} == {file.name: "good"}


@pytest.mark.parametrize("sink", SINKS)
def test_a_kill_before_the_end_leaves_the_good_file(
    sink: str, tmp_path: Path, complete: RunInfo
) -> None:
    file = named(sink, tmp_path)
    assert export(KILLED, sink, file).returncode == -signal.SIGKILL
    assert file.read_text() == "good"


@pytest.mark.parametrize("name", EXPORTERS)
def test_standard_output_that_is_full_is_one_line(name: str, tmp_path: Path, run: RunInfo) -> None:
    arguments = ["export", "latest", "--format", name, "--output", "-"]
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - the shell opens it, not we
        done = subprocess.run(
            [sys.executable, "-m", "llm_eval", *arguments, "--db", f"sqlite:///{tmp_path}/runs.db"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
    said = "llm-eval: standard output cannot be written: No space left on device"
    assert (done.returncode, done.stderr.splitlines()) == (2, [said])
