"""What comparing two large runs takes: `python -m benchmarks.compare [SIZE…]`.

Two runs with 20 metrics and 20 slices: 420 paired tests, tokens, cost and latency, every changed
sample. Half of the metrics are rates, half are means; 3 % of the scores differ. Each comparison has
a process of its own, so that its peak of memory is its own; the least of three times is shown.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from benchmarks.table import show
from llm_eval.fingerprint import identify
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import ModelResponse, RunInfo, SampleResult, Score, Usage

METRICS, SLICES, DIFFER = 20, 20, 0.03
RUNS = ("run_20260101_000000_000000", "run_20260101_000000_000001")
CHILD = """
import json, resource, sys, time
from llm_eval.compare.comparison import compare
from llm_eval.metrics.storage import MetricsStorage
with MetricsStorage(sys.argv[1]) as storage:
    runs = [storage.get_run(name) for name in sys.argv[2:]]
    wall, cpu = time.perf_counter(), time.process_time()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = compare(storage, *runs)
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
tests = len(found.metrics) * (1 + len(found.slices))
print(json.dumps({**took, "before": before, "peak": peak, "tests": tests}))
"""


def main(sizes: Sequence[int] = (10_000, 100_000)) -> None:
    """One row a size."""
    rows = []
    for n in sizes:
        with tempfile.TemporaryDirectory() as directory:
            database = f"sqlite:///{directory}/runs.db"
            with MetricsStorage(database) as storage:
                for number, run_id in enumerate(RUNS):
                    asyncio.run(_write(storage, run_id, number, n))
            tries = [_measured(database) for _ in range(3)]
        cells = {name: min(one[name] for one in tries) for name in tries[0]}
        seconds = (f"{cells[name]:.2f}" for name in ("wall", "cpu"))
        memory = (f"{cells[name]:.0f}" for name in ("before", "peak"))
        rows.append((f"{n:,}", f"{cells['tests']:.0f}", *seconds, *memory))
    show(["samples", "tests", "seconds", "CPU s", "MiB before", "peak MiB"], rows)


def _measured(database: str) -> dict[str, float]:
    command = [sys.executable, "-c", CHILD, database, *RUNS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


async def _write(storage: MetricsStorage, run_id: str, number: int, n: int) -> None:
    print(f"writing {run_id}, {n:,} samples", file=sys.stderr)
    kinds = ["rate" if n % 2 == 0 else "mean" for n in range(METRICS)]
    metrics = [
        {"name": f"metric_{n}", "kind": kind, "worst": 0.0, "best": 1.0}
        for n, kind in enumerate(kinds)
    ]
    recipe = {"task": "synthetic", "metrics": metrics, "dataset_hash": str(n)}
    info = RunInfo(run_id, "synthetic", "none", "2026-01-01T00:00:00+00:00", recipe, n_total=n)
    storage.create_run(info)
    async with storage.writer(run_id) as writer:
        for index in range(n):
            await writer.put_result(_result(index, number, kinds))
    storage.update_run(run_id, status="complete")


def _result(index: int, number: int, kinds: list[str]) -> SampleResult:
    shared, own = random.Random(index), random.Random((index << 1) + number + (1 << 40))
    scores = []
    for n, kind in enumerate(kinds):
        value, other = shared.random(), own.random()
        if own.random() < DIFFER:
            value = other
        scores.append(Score(f"metric_{n}", float(value < 0.8) if kind == "rate" else value))
    sample = identify("synthetic", f"s{index}", {"q": index}, "a", slice=f"slice {index % SLICES}")
    reply = ModelResponse(
        "some reply",
        "none",
        usage=Usage(100, 10 + index % 7),
        latency_s=own.random(),
        cost_usd=1e-4,
    )
    return SampleResult(index, 0, sample, response=reply, scores=tuple(scores))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int)
    main(tuple(parser.parse_args().sizes) or (10_000, 100_000))
