"""What tracing costs: the engine against the stub, with telemetry off, on, on for every sample.

Four variants take turns within each round, each in a process of its own on one core; the stub and
an OTLP receiver have the other. A ratio is taken within its round, and the median is shown.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from benchmarks.engine import write_task
from benchmarks.stub_process import one_core, pin, stub
from benchmarks.table import show

N = 10_000
ROUNDS = 5
RECEIVER = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
"""
CHILD = """
import contextlib, json, resource, sys, time, types
task, model, url, kind, n = sys.argv[1:]
if kind == "absent":
    tracer, tracing = types.ModuleType("tracer"), types.ModuleType("tracing")
    tracer.tracer_from_environment = lambda: None
    tracing.traced = lambda job, info, tracer: contextlib.nullcontext(job)
    sys.modules["llm_eval.observability.tracer"] = tracer
    sys.modules["llm_eval.tracing"] = tracing
from llm_eval import MetricsStorage, evaluate
def used():
    now = resource.getrusage(resource.RUSAGE_SELF)
    return now.ru_utime + now.ru_stime
with MetricsStorage(url) as storage:
    evaluate(task, model, db=storage, limit=200, concurrency=64, cache=False)  # a warm start
    wall, cpu = time.perf_counter(), used()
    evaluate(task, model, db=storage, limit=int(n), concurrency=64, cache=False)
    print(json.dumps([time.perf_counter() - wall, used() - cpu]))
"""


class Variant(NamedTuple):
    """One way to run the engine."""

    kind: str
    variables: Mapping[str, str] = MappingProxyType({})
    n: int = N


VARIANTS = {
    "never imported": Variant("absent"),
    "off": Variant("off"),
    "on, at most 20 samples/s (default)": Variant("on"),
    "on, every sample": Variant("on", {"LLM_EVAL_TRACED_SAMPLES_PER_S": "0"}, N // 5),
}


def main() -> None:
    """One table."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as directory, one_core(), receiver() as collector:
        task = write_task(Path(directory), N)
        with stub() as url:
            for turn in range(ROUNDS):
                for name in _order(turn):
                    taken[name].append(_run(Path(directory), task, url, collector, name))
    rows = []
    for name, measured in taken.items():
        rate = statistics.median(1 / wall for wall, _ in measured)
        cpu = statistics.median(1e6 * used for _, used in measured)
        rows.append((name, f"{rate:,.0f}", f"{cpu:.0f}", *_ratios(measured, taken["off"])))
    header = ["telemetry", "samples/s", "CPU µs/sample", "× rate of off", "× CPU of off"]
    show(header, rows)


def _order(turn: int) -> list[str]:
    """Another variant begins each round: none has the quiet end of a round to itself."""
    names = list(VARIANTS)
    first = turn % len(names)
    return names[first:] + names[:first]


def _ratios(measured: list[tuple[float, float]], off: list[tuple[float, float]]) -> tuple[str, str]:
    pairs = list(zip(measured, off, strict=True))
    rate = statistics.median(plain[0] / one[0] for one, plain in pairs)
    cpu = statistics.median(one[1] / plain[1] for one, plain in pairs)
    return f"{rate:.3f}", f"{cpu:.3f}"


def _run(directory: Path, task: Path, url: str, collector: str, name: str) -> tuple[float, float]:
    """Seconds of wall and of CPU a sample, for one run in a new process and a new database."""
    variant = VARIANTS[name]
    to = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector} if variant.kind == "on" else {}
    database = f"sqlite:///{directory}/{os.urandom(4).hex()}.db"
    arguments = [str(task), f"openai/m@{url}", database, variant.kind, str(variant.n)]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *arguments],
        env={**os.environ, **to, **variant.variables},
        capture_output=True,
        text=True,
        check=True,
    )
    wall, cpu = json.loads(done.stdout.splitlines()[-1])
    return wall / variant.n, cpu / variant.n


@contextmanager
def receiver() -> Iterator[str]:
    """URL of an OTLP/HTTP endpoint that takes everything, on the other core."""
    command = [sys.executable, "-c", RECEIVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        pin(process.pid, 1)
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
