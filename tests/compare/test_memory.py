"""Memory does not grow with the run: what a run has one of for each sample is in a file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from llm_eval.fingerprint import digest
from llm_eval.metrics.float_columns import as_columns
from llm_eval.metrics.outcomes import Outcomes
from llm_eval.metrics.score_table import ScoreTable
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import RunInfo

RUNS = ("run_20260101_000000_aaaaaa", "run_20260101_000001_aaaaaa")
CHILD = """
import resource, signal, sys
from llm_eval.cli.main import main
largest = int(sys.argv[1])
if largest:
    from llm_eval.metrics import spool
    spool._IN_MEMORY_BYTES = 1
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
code = main(sys.argv[2:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) / 1024, file=sys.stderr)
sys.exit(code)
"""
"""Not ru_maxrss, which begins with what the parent held. No .pyc is written: it would be cut."""
RULES = """
gates:
  - {id: floor, metric: m0, kind: floor, min: 0.1}
  - {id: worse, metric: m0, kind: non_inferiority, margin: 0.1}
  - {id: slices, metric: m1, kind: non_inferiority, margin: 0.2, slice: "*"}
  - {id: new, kind: newly_failing, metric: m0, pass_at: 0.5, max: 1}
  - {id: slow, metric: latency_p95_s, kind: ceiling, max: 2}
  - {id: slower, metric: latency_p95_s, kind: relative, max_increase: 0.5}
"""
COMMANDS = {
    "compare": ["compare", *RUNS],
    "gate": ["gate", RUNS[1], "--baseline", RUNS[0], "--thresholds", "rules.yaml"],
}


def store(database: Path, n: int, n_metrics: int) -> None:
    """Two runs of the same samples, in four slices."""
    names = tuple(f"m{number}" for number in range(n_metrics))
    metrics = [{"name": name, "kind": "mean", "worst": 0.0, "best": 1.0} for name in names]
    recipe = {"task": "t", "metrics": metrics, "dataset_hash": "d"}
    keys = [digest(number) for number in range(n)]
    slices = [f"slice {number % 4}" for number in range(n)]
    with MetricsStorage(f"sqlite:///{database}") as storage:
        for number, run_id in enumerate(RUNS):
            rng = np.random.default_rng(number)
            created = f"2026-01-01T00:00:0{number}+00:00"
            info = RunInfo(run_id, "t", "m", created, recipe, "complete", n)
            table = ScoreTable(
                names,
                np.arange(n),
                keys,
                [(label,) for label in slices],
                [None] * n,
                np.zeros(n, np.bool_),
                as_columns(rng.random((n, n_metrics))),
            )
            no = np.zeros(n, np.bool_)
            ids, scored = [f"q{number}" for number in range(n)], ["scored"] * n
            amounts = [rng.random(n) for _ in range(4)]
            outcomes = Outcomes(no.astype(int), ids, slices, [{}] * n, scored, no, no, *amounts)
            assert storage.baselines.import_run(info, table, outcomes)


def called(
    command: str, database: Path, *, largest_file: int = 0, temporary: Path
) -> "subprocess.CompletedProcess[str]":
    (database.parent / "rules.yaml").write_text(RULES)
    words = [*COMMANDS[command], "--db", f"sqlite:///{database}", "--json"]
    return subprocess.run(
        [sys.executable, "-B", "-c", CHILD, str(largest_file), *words],
        cwd=database.parent,
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def peak_mib(command: str, database: Path, temporary: Path) -> float:
    done = called(command, database, temporary=temporary)
    assert done.returncode in (0, 1, 3), done.stderr
    assert json.loads(done.stdout)
    return float(done.stderr.split()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("n", "n_metrics", "grows_mib"),
    [(16_000, 40, 6), pytest.param(200_000, 20, 30, marks=pytest.mark.soak)],
)
def test_two_runs_of_any_size_take_about_the_same_memory(
    n: int, n_metrics: int, grows_mib: float, tmp_path: Path
) -> None:
    """With every score in memory it were 13 MiB more here, and 80 at 200,000 samples."""
    small, large = tmp_path / "small.db", tmp_path / "large.db"
    store(small, 1000, n_metrics)
    store(large, n, n_metrics)
    for command in COMMANDS:
        grown = peak_mib(command, large, tmp_path) - peak_mib(command, small, tmp_path)
        assert grown < grows_mib, command
    assert {path.name for path in tmp_path.iterdir()} <= {
        "rules.yaml",
        *(f"{size}.db{rest}" for size in ("small", "large") for rest in ("", "-wal", "-shm")),
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_a_disk_too_full_for_the_temporary_file_is_one_clear_error(
    command: str, tmp_path: Path
) -> None:
    store(tmp_path / "runs.db", 2000, 2)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = called(command, tmp_path / "runs.db", largest_file=40_000, temporary=scratch)
    assert done.returncode == 4
    message, _peak = done.stderr.splitlines()
    assert message == (
        f"llm-eval: temporary file in {scratch}: File too large; "
        f"free some space, or name another directory by TMPDIR"
    )
    assert done.stdout == ""
    assert list(scratch.iterdir()) == []
