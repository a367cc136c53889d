"""256 connections to an endpoint that refuses 5 % of all calls and whose latency has a heavy tail.

The ideal takes the samples in their order, asks anew the moment it was refused, and always uses
every connection; the same stub's latencies and refusals make it. Wasted is each call beyond it.
"""

import heapq
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

import msgspec

from benchmarks.engine import write_task
from benchmarks.stub_process import one_core, stub
from benchmarks.table import show
from llm_eval import MetricsStorage, evaluate
from llm_eval.tasks.build import build_task
from llm_eval.testing.stub import latency
from llm_eval.testing.stub_faults import Faults
from llm_eval.testing.stub_replies import Asked

N = 20_000
CONNECTIONS = 256
REFUSED = 0.05
MEDIAN_S, SIGMA = 0.2, 1.0
ROUNDS = 3


def main() -> None:
    """A few rounds, one line each, and their median."""
    with tempfile.TemporaryDirectory() as name, one_core():
        task = write_task(Path(name), N)
        rows = [_round(Path(name), task, number) for number in range(ROUNDS)]
    share, wasted = (statistics.median(row[column] for row in rows) for column in (0, 1))
    lines = [(f"{n + 1}", f"{s:.2f}", f"{w:.1%}") for n, (s, w) in enumerate(rows)]
    lines += [("median", f"{share:.2f}", f"{wasted:.1%}"), ("goal", "≥ 0.90", "< 3 %")]
    show(["round", "of the ideal", "wasted calls"], lines)


def _round(directory: Path, task: Path, seed: int) -> tuple[float, float]:
    """The rate as a share of the ideal one, and the share of calls that were wasted."""
    faults = ("--fault", f"429={REFUSED}", "--seed", str(seed))
    tail = ("--latency-ms", str(1000 * MEDIAN_S), "--tail", str(SIGMA))
    needed, ideal_s = _ideal(task, seed)
    with stub(*faults, *tail) as url, MetricsStorage(f"sqlite:///{directory}/r.db") as storage:
        started = time.perf_counter()
        run = evaluate(
            str(task), f"openai/m@{url}", db=storage, concurrency=CONNECTIONS, cache=False
        )
        took = time.perf_counter() - started
        if run.summary.n_scored != N:
            raise RuntimeError(f"{N - run.summary.n_scored} of {N} samples were lost")
        with urllib.request.urlopen(url.removesuffix("/v1") + "/stats") as reply:
            calls = msgspec.json.decode(reply.read())["requests"]
    return ideal_s / took, calls / needed - 1


def _ideal(path: Path, seed: int) -> tuple[int, float]:
    """How many calls it takes, and how long where no connection is ever idle."""
    seconds_of, faults = latency(MEDIAN_S, SIGMA), Faults({"429": REFUSED}, seed)
    assert callable(seconds_of)
    task, calls, free_at = build_task(str(path)), 0, [0.0] * CONNECTIONS
    for sample in task.samples():
        text = "\n".join(message.content for message in task.prompt(sample))
        seconds, attempt = seconds_of(Asked("", {}, text)), 0
        while faults.pick(text, attempt, 0) is not None:
            attempt += 1
        calls += attempt + 1
        heapq.heapreplace(free_at, free_at[0] + seconds * (attempt + 1))
    return calls, max(free_at)


if __name__ == "__main__":
    main()
