"""Do memory and pace hold as the data set grows? `python -m benchmarks.scale 10000 1000000`.

One process for each size and kind of file: it reads the rows, runs them with everything stored and
scored, and makes the run's numbers. `pace` is the last tenth's over the first tenth's, in samples
per second of CPU: other processes on the machine have no part in it. `show` then reads the run in
a process of its own; `python -m benchmarks.compare` compares as many.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from benchmarks.engine import TASK, write_task
from benchmarks.stub_process import stub
from benchmarks.table import show

KINDS = ("jsonl", "csv", "parquet")
PEAK = """
def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
"""
"""Not ru_maxrss: a child's begins with what its parent held."""
CHILD = """
import json, resource, sys, time
from pathlib import Path
from llm_eval import MetricsStorage, evaluate
from llm_eval.models.base import BaseModel
from llm_eval.types import ModelResponse, Usage
task, model, database, n = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])

class Instant(BaseModel):
    name = "instant"
    identity = {"provider": "instant"}
    async def generate(self, messages, sampling, *, repeat=0):
        return ModelResponse(messages[-1].content, "instant", usage=Usage(20, 10), latency_s=0.01)

def memory():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20

class Pace:
    n = 0
    def on_result(self, result):
        self.n += 1
        if self.n % (n // 10) == 0:
            cpu.append(time.process_time())
            held.append(memory())

cpu, held = [], []
wall = time.perf_counter()
with MetricsStorage(database) as storage:
    class First(Pace):
        def on_result(self, result):
            if not cpu:
                cpu.append(time.process_time())
            super().on_result(result)
    done = evaluate(task, Instant() if model == "instant" else model, db=storage,
                    concurrency=64, cache=False, observers=[First()])
    assert (done.status, done.summary.n_scored) == ("complete", n), done.status
tenths = [b - a for a, b in zip(cpu, cpu[1:])]
print(json.dumps({"peak": peak(), "held": held, "tenths": tenths,
                  "wall": time.perf_counter() - wall}))
"""
COMMAND = """
import sys
from llm_eval.cli.main import main
code = main(sys.argv[1:])
print(peak(), file=sys.stderr)
sys.exit(code)
"""


def main(
    sizes: tuple[int, ...] = (10_000, 100_000),
    kinds: tuple[str, ...] = ("jsonl",),
    model: str = "stub",
) -> None:
    """One row for each size of each kind."""
    rows = []
    for kind in kinds:
        for n in sizes:
            rows.append((kind, f"{n:,}", *measure(kind, n, model)))
            print(rows[-1], file=sys.stderr, flush=True)
    header = ["rows", "samples", "peak MiB", "at the first tenth", "pace", "CPU µs/sample"]
    show([*header, "seconds", "`show` MiB"], rows)


def measure(kind: str, n: int, model: str) -> tuple[str, ...]:
    """One run and what reads it, as cells."""
    with tempfile.TemporaryDirectory() as name, stub() if model == "stub" else nullcontext() as url:
        task = write_rows(Path(name), kind, n)
        database = f"sqlite:///{name}/runs.db"
        asked = f"openai/m@{url}" if url else "instant"
        found = json.loads(child(CHILD, str(task), asked, database, str(n)).stdout)
        tenths = found["tenths"]
        command = ("show", "latest", "--failures", "--db", database, "--json")
        shown = child(COMMAND, *command).stderr.split()[-1]
    return (
        f"{found['peak']:.0f}",
        f"{found['held'][0]:.0f}",
        f"{tenths[0] / tenths[-1]:.2f}",
        f"{1e6 * sum(tenths) / n:.0f}",
        f"{found['wall']:.0f}",
        f"{float(shown):.0f}",
    )


def write_rows(directory: Path, kind: str, n: int) -> Path:
    """The task over n rows in a file of this kind."""
    task = write_task(directory, n)
    if kind != "jsonl":
        task.write_text(TASK.replace("rows.jsonl", f"rows.{kind}"))
        convert(directory / "rows.jsonl", directory / f"rows.{kind}")
    return task


def convert(source: Path, target: Path) -> None:
    """Rewrite JSON lines as CSV or Parquet."""
    import pyarrow.csv
    import pyarrow.json
    import pyarrow.parquet

    rows: Any = pyarrow.json.read_json(source)
    if target.suffix == ".csv":
        pyarrow.csv.write_csv(rows, target)
    else:
        pyarrow.parquet.write_table(rows, target)


def child(code: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """The finished process; it must end well."""
    command = [sys.executable, "-c", PEAK + code, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return done


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int)
    parser.add_argument("--rows", choices=KINDS, action="append", help="kind of file (jsonl)")
    parser.add_argument("--model", choices=("stub", "instant"), default="stub")
    args = parser.parse_args()
    main(tuple(args.sizes) or (10_000, 100_000), tuple(args.rows or ["jsonl"]), args.model)
