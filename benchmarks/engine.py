"""The whole engine against a bare loop of the same HTTP client, on the same endpoint and core.

10,000 samples of a task YAML: read, rendered, asked, parsed, scored, durable. The bare loop sends
the same bodies over the same number of connections and throws the replies away.
"""

import asyncio
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from benchmarks.stub_process import one_core, stub
from benchmarks.table import show
from llm_eval import MetricsStorage, evaluate
from llm_eval.models.transport import Transport
from llm_eval.specs import Limits

N = 10_000
CONNECTIONS = 64
ROUNDS = 3
TASK = """\
name: sums
data: rows.jsonl
messages:
  - {role: system, content: "Answer with a number."}
  - {role: user, content: "{{ question }}"}
target: "{{ answer }}"
scorers: [exact_match, token_f1]
"""


def write_task(directory: Path, n: int = N) -> Path:
    """A task of n rows."""
    with (directory / "rows.jsonl").open("w") as file:
        for number in range(n):
            question = f"Question number {number}: what is {number} plus {number}?"
            file.write(json.dumps({"question": question, "answer": str(2 * number)}) + "\n")
    task = directory / "sums.yaml"
    task.write_text(TASK)
    return task


def main() -> None:
    """Latency of 20 ms, no latency, and the cache."""
    with tempfile.TemporaryDirectory() as name, one_core():
        directory = Path(name)
        task = write_task(directory)
        rows = []
        with stub("--latency-ms", "20") as url:
            bare, ours = _alternate(directory, task, url)
            ideal = CONNECTIONS / 0.020
            rows.append(("20 ms replies", *_row(bare, ours), f"{_rate(ours) / ideal:.2f} of ideal"))
        with stub() as url:
            bare, ours = _alternate(directory, task, url)
            rows.append(("no delay", *_row(bare, ours), "≤ 200 µs CPU a sample"))
            cached = [_engine(directory, task, url, cache=True) for _ in range(ROUNDS)][1:]
            rows.append(("from the cache", "–", *_row(cached, cached)[1:], "≥ 5,000/s"))
        header = ["endpoint", "bare/s", "llm-eval/s", "ratio", "CPU µs/sample", "goal or remark"]
        show(header, rows)


def _alternate(
    directory: Path, task: Path, url: str
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(_bare(url))
        ours.append(_engine(directory, task, url, cache=False))
    return bare, ours


def _rate(measured: Sequence[tuple[float, float]]) -> float:
    return N / statistics.median(wall for wall, _ in measured)


def _row(
    bare: Sequence[tuple[float, float]], ours: Sequence[tuple[float, float]]
) -> tuple[str, str, str, str]:
    cpu = statistics.median(cpu for _, cpu in ours)
    ratio = _rate(ours) / _rate(bare)
    return f"{_rate(bare):,.0f}", f"{_rate(ours):,.0f}", f"{ratio:.2f}", f"{1e6 * cpu / N:.0f}"


def _engine(directory: Path, task: Path, url: str, *, cache: bool) -> tuple[float, float]:
    """Seconds of wall and CPU for one run."""
    with MetricsStorage(f"sqlite:///{directory}/runs.db") as storage:
        wall, cpu = time.perf_counter(), _cpu()
        evaluate(str(task), f"openai/m@{url}", db=storage, concurrency=CONNECTIONS, cache=cache)
        return time.perf_counter() - wall, _cpu() - cpu


def _bare(url: str) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), _cpu()
    uvloop.run(_loop(url))
    return time.perf_counter() - wall, _cpu() - cpu


async def _loop(url: str) -> None:
    transport = Transport(url, Limits(), lambda: {"content-type": "application/json"})
    numbers = iter(range(N))

    async def work() -> None:
        for number in numbers:
            question = f"Question number {number}: what is {number} plus {number}?"
            body = {"model": "m", "messages": [{"role": "user", "content": question}]}
            await transport.post("/chat/completions", json.dumps(body).encode())

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(work())
    await transport.aclose()


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
