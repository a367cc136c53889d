"""What comparing two large runs takes: `python -m benchmarks.compare [SAMPLES[:METRICS]…]`.

Two runs with 20 slices: paired tests of every metric in each, tokens, cost and latency, every
changed sample; and a gate with rules about scores, slices, failures and times. Half of the metrics
are rates, half are means; 3 % of the scores differ. Each measurement has a process of its own, so
that its peak of memory is its own; the least of three times is shown.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Sequence

from benchmarks.scale import child
from benchmarks.table import show
from llm_eval.fingerprint import identify
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import ModelResponse, RunInfo, SampleResult, Score, Usage

SIZES = ((10_000, 20), (100_000, 20), (1_000_000, 4))
"""Samples and metrics."""
SLICES, DIFFER = 20, 0.03
RUNS = ("run_20260101_000000_000000", "run_20260101_000000_000001")
RULES = """
gates:
  - {id: floor, metric: metric_0, kind: floor, min: 0.6}
  - {id: worse, metric: metric_1, kind: non_inferiority, margin: 0.02}
  - {id: slices, metric: metric_0, kind: non_inferiority, margin: 0.05, slice: "*"}
  - {id: new, kind: newly_failing, max: 5}
  - {id: errors, metric: error_rate, kind: ceiling, max: 0.05}
  - {id: slow, metric: latency_p95_s, kind: ceiling, max: 1.5}
  - {id: spent, metric: cost_usd, kind: ceiling, max: 500}
"""
BEFORE = """
import json, sys, time
from pathlib import Path
from llm_eval.ci.evidence import from_storage
from llm_eval.ci.gate import check
from llm_eval.ci.thresholds import parse_thresholds
from llm_eval.compare.comparison import compare
from llm_eval.metrics.storage import MetricsStorage
with MetricsStorage(sys.argv[1]) as storage:
    runs = [storage.get_run(name) for name in sys.argv[2:4]]
    before, wall, cpu = peak(), time.perf_counter(), time.process_time()
"""
AFTER = """
    took = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
print(json.dumps({**took, "before": before, "peak": peak(), "tests": tests}))
"""
WORK = {
    "compare": """
    found = compare(storage, *runs)
    tests = len(found.metrics) * (1 + len(found.slices))
""",
    "gate": """
    before_and_now = [from_storage(storage, run.run_id) for run in runs]
    tests = len(check(parse_thresholds(sys.argv[4]), *before_and_now[::-1]).results)
""",
}


def main(sizes: Sequence[tuple[int, int]] = SIZES) -> None:
    """One row a size and command."""
    rows = []
    for n, n_metrics in sizes:
        with tempfile.TemporaryDirectory() as directory:
            database = f"sqlite:///{directory}/runs.db"
            with MetricsStorage(database) as storage:
                for number, run_id in enumerate(RUNS):
                    asyncio.run(_write(storage, run_id, number, n, n_metrics))
            rows += [(f"{n:,}", str(n_metrics), *_measured(what, database)) for what in WORK]
    times = ["seconds", "CPU s", "MiB before", "peak MiB"]
    show(["samples", "metrics", "command", "tests", *times], rows)


def _measured(what: str, database: str) -> tuple[str, ...]:
    """The least of three, as cells."""
    code = BEFORE + WORK[what] + AFTER
    tries = [json.loads(child(code, database, *RUNS, RULES).stdout) for _ in range(3)]
    least = {name: min(one[name] for one in tries) for name in tries[0]}
    seconds = (f"{least[name]:.2f}" for name in ("seconds", "cpu"))
    memory = (f"{least[name]:.0f}" for name in ("before", "peak"))
    return what, f"{least['tests']}", *seconds, *memory


async def _write(storage: MetricsStorage, run_id: str, number: int, n: int, n_metrics: int) -> None:
    print(f"writing {run_id}, {n:,} samples", file=sys.stderr)
    kinds = ["rate" if n % 2 == 0 else "mean" for n in range(n_metrics)]
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


def _size(text: str) -> tuple[int, int]:
    n, _, n_metrics = text.partition(":")
    return int(n), int(n_metrics or SIZES[0][1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=_size, metavar="SAMPLES[:METRICS]")
    main(parser.parse_args().sizes or SIZES)
