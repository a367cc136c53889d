"""Does memory grow with the data set? Peak of a run of n and of 10 n samples, and its pace."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.engine import write_task
from benchmarks.stub_process import stub
from benchmarks.table import show

CHILD = """
import json, resource, sys, time
from llm_eval import MetricsStorage, evaluate
moments = []
class Pace:
    n = 0
    def on_result(self, result):
        self.n += 1
        if self.n % (int(sys.argv[4]) // 10) == 0:
            moments.append(time.perf_counter())
started = time.perf_counter()
with MetricsStorage(sys.argv[3]) as storage:
    evaluate(sys.argv[1], sys.argv[2], db=storage, concurrency=64, cache=False, observers=[Pace()])
tenths = [b - a for a, b in zip([started, *moments], moments)]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"peak": peak, "tenths": tenths}))
"""


def main(sizes: tuple[int, ...] = (10_000, 100_000)) -> None:
    """One process for each size."""
    rows = []
    for n in sizes:
        with tempfile.TemporaryDirectory() as name, stub() as url:
            task = write_task(Path(name), n)
            database = f"sqlite:///{name}/runs.db"
            command = [sys.executable, "-c", CHILD, str(task), f"openai/m@{url}", database, str(n)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        measured = json.loads(done.stdout.splitlines()[-1])
        tenths = measured["tenths"]
        pace = tenths[1] / tenths[-1]
        rows.append((f"{n:,}", f"{measured['peak']:.0f}", f"{pace:.2f}", f"{sum(tenths):.0f}"))
    show(["samples", "peak MiB", "last tenth's pace / second tenth's", "seconds"], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int)
    main(tuple(parser.parse_args().sizes) or (10_000, 100_000))
