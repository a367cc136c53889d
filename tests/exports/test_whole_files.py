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
}
LIMITED = """
import resource, signal, sys
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
    """A model card takes no other."""
    storage.update_run(run.run_id, status="complete")
    return run


def export(code: str, sink: str, directory: Path) -> "subprocess.CompletedProcess[str]":
    (directory / "out").mkdir()
    (directory / "out" / "good").write_text("good")
    database = f"sqlite:///{directory}/runs.db"
    command = [sys.executable, "-c", code, *SINKS[sink], str(directory / "out" / "good")]
    return subprocess.run(
        [*command, "--db", database], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("sink", SINKS)
def test_a_disk_that_is_full_in_the_middle_is_said_and_leaves_the_good_file(
    sink: str, tmp_path: Path, complete: RunInfo
) -> None:
    done = export(LIMITED, sink, tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"llm-eval: {tmp_path}/out/good: cannot be written: File too large"
    ]
    assert {file.name: file.read_text() for file in (tmp_path / "out").iterdir()} == {
        "good": "good"
    }


@pytest.mark.parametrize("sink", SINKS)
def test_a_kill_before_the_end_leaves_the_good_file(
    sink: str, tmp_path: Path, complete: RunInfo
) -> None:
    assert export(KILLED, sink, tmp_path).returncode == -signal.SIGKILL
    assert (tmp_path / "out" / "good").read_text() == "good"


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
