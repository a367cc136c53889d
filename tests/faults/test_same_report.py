"""A run that was killed or stopped and went on reports what an undisturbed one does, to the byte.

The model says how long its replies took, so that even times are the same. What differs by nature
is written over: the run's id, when it ran, and how long the whole took.
"""

import re
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from llm_eval.cli.main import main
from tests.faults.crashing import Journal

ROOT = Path(__file__).parents[2]
N = 60
LIVE = "import sys, pathlib; from tests.faults.crashing import live; live(sys.argv[1], 'run', \
pathlib.Path(sys.argv[2]), n={n}, pause_s=0.02)"
DIFFERS = (
    (r"run_\d{8}_\d{6}_[a-z0-9]{6}", "RUN"),
    (r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\+00:00)?", "TIME"),
    (r'"wall_s": ?[\d.]+,\s*"samples_per_s": ?[\d.]+', "PACE"),
    (r"[\d.]+ s, [\d.]+ samples/s", "PACE"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: the database's path is a part of the report."""
    return tmp_path_factory.mktemp("same")


@pytest.fixture(scope="module")
def undisturbed(place: Path) -> dict[str, str]:
    return reports(place)


def start(place: Path) -> "subprocess.Popen[bytes]":
    words = [f"sqlite:///{place}/runs.db", str(place / "journal")]
    return subprocess.Popen([sys.executable, "-c", LIVE.format(n=N), *words], cwd=ROOT)


def reports(place: Path) -> dict[str, str]:
    """Let the run end, and write its reports; then take it away."""
    assert start(place).wait(120) == 0
    db = ["--db", f"sqlite:///{place}/runs.db"]
    found = {}
    for name, words in {"terminal": [], "json": ["--json"], "failures": ["--failures"]}.items():
        with redirect_stdout(TextIOWrapper(BytesIO(), "utf-8")) as shown:
            assert main(["show", "latest", *words, *db]) == 0
            shown.seek(0)
            found[name] = shown.read()
    for name in ("html", "csv", "jsonl"):
        output = place / f"report.{name}"
        assert main(["export", "latest", "--format", name, "--output", str(output), *db]) == 0
        found[name] = output.read_text()
    for path in place.glob("*"):
        path.unlink()
    for pattern, word in DIFFERS:
        found = {name: re.sub(pattern, word, text) for name, text in found.items()}
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_disturbed_run_reports_the_same(
    number: signal.Signals, place: Path, undisturbed: dict[str, str]
) -> None:
    process = start(place)
    journal = Journal(place / "journal")
    while (asked := journal.count("said")) < N // 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    process.wait(60)
    journal.close()
    assert asked < N
    disturbed = reports(place)
    for name, text in undisturbed.items():
        assert disturbed[name] == text, name
    assert "samples/s" not in undisturbed["terminal"]  # what is written over is really there
