"""How long comparing two large runs takes: `python benchmarks/compare.py [--samples 100000]`.

Two runs of 100,000 samples, 20 metrics and 20 slices: 420 paired tests, tokens, cost and latency,
every changed sample. Half of the metrics are rates, half are means; 3 % of the scores differ. The
runs are kept in --db, so that a second call only compares.
"""

import argparse
import asyncio
import json
import random
import resource
import sys
from collections.abc import Sequence
from time import perf_counter

from llm_eval.compare.comparison import compare
from llm_eval.fingerprint import identify
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import ModelResponse, RunInfo, SampleResult, Score, Usage


def main(argv: Sequence[str] = ()) -> None:
    """Write the runs where they are not there yet, and compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--metrics", type=int, default=20)
    parser.add_argument("--slices", type=int, default=20)
    parser.add_argument("--differ", type=float, default=0.03, help="share of scores that differ")
    parser.add_argument("--db", default="sqlite:////tmp/llm_eval_benchmark_compare.db")
    args = parser.parse_args(argv)
    with MetricsStorage(args.db) as storage:
        runs = [f"run_20260101_000000_{n:03}{args.samples}" for n in (0, 1)]
        known = {info.run_id for info in storage.list_runs(limit=None)}
        for number, run_id in enumerate(runs):
            if run_id not in known:
                asyncio.run(_write(storage, run_id, number, args))
        before = _peak_mib()
        started = perf_counter()
        compared = compare(storage, storage.get_run(runs[0]), storage.get_run(runs[1]))
        seconds = perf_counter() - started
    tests = len(compared.metrics) * (1 + len(compared.slices))
    print(
        json.dumps(
            {
                "samples": compared.n_paired,
                "tests": tests,
                "seconds": round(seconds, 2),
                "peak_mib": round(_peak_mib()),
                "peak_before_mib": round(before),
                "newly_failing": len(compared.changes.newly_failing),
                "verdict": compared.verdict,
            },
            indent=2,
        )
    )


async def _write(
    storage: MetricsStorage, run_id: str, number: int, args: argparse.Namespace
) -> None:
    print(f"writing {run_id}", file=sys.stderr)
    kinds = ["rate" if n % 2 == 0 else "mean" for n in range(args.metrics)]
    metrics = [
        {"name": f"metric_{n}", "kind": kind, "worst": 0.0, "best": 1.0}
        for n, kind in enumerate(kinds)
    ]
    recipe = {"task": "synthetic", "metrics": metrics, "dataset_hash": str(args.samples)}
    info = RunInfo(
        run_id, "synthetic", "none", "2026-01-01T00:00:00+00:00", recipe, n_total=args.samples
    )
    storage.create_run(info)
    async with storage.writer(run_id) as writer:
        for index in range(args.samples):
            await writer.put_result(_result(index, number, kinds, args))
    storage.update_run(run_id, status="complete")


def _result(index: int, number: int, kinds: list[str], args: argparse.Namespace) -> SampleResult:
    shared, own = random.Random(index), random.Random((index << 1) + number + (1 << 40))
    scores = []
    for n, kind in enumerate(kinds):
        value, other = shared.random(), own.random()
        if own.random() < args.differ:
            value = other
        scores.append(Score(f"metric_{n}", float(value < 0.8) if kind == "rate" else value))
    sample = identify(
        "synthetic", f"s{index}", {"q": index}, "a", slice=f"slice {index % args.slices}"
    )
    reply = ModelResponse(
        "some reply",
        "none",
        usage=Usage(100, 10 + index % 7),
        latency_s=own.random(),
        cost_usd=1e-4,
    )
    return SampleResult(index, 0, sample, response=reply, scores=tuple(scores))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(sys.argv[1:])
