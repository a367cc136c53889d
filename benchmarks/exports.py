"""How long 100,000 samples take to export, whether memory grows, and how the HTML report opens.

Two kinds of runs, made by the engine: short questions, and the json task's documents (4 kB a sample
in all) with a mistake in every fifth reply. Each export has a process of its own on one core;
formats alternate. `--keep DIRECTORY` keeps the databases for the next time.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from time import perf_counter

from benchmarks.engine import write_task
from benchmarks.stub_process import one_core
from benchmarks.table import show
from llm_eval import MetricsStorage, evaluate
from llm_eval.fingerprint import identify
from llm_eval.tasks.base import Task
from llm_eval.tasks.build import build_task
from llm_eval.tasks.json_extraction import JSONExtractionTask
from llm_eval.testing import ScriptedModel
from llm_eval.types import ModelResponse, Prompt, Sample, Usage

FORMATS = ("csv", "jsonl", "parquet")
SIZES = (10_000, 100_000)
ROUNDS = 3
_NUMBER = re.compile(r"(?:Question number|Copy) (\d+)")
CHILD = """
import json, re, sys, time
from llm_eval.metrics.exporters import EXPORTERS
from llm_eval.metrics.storage import MetricsStorage
url, kind, path = sys.argv[1:]
with MetricsStorage(url) as storage:
    started = time.perf_counter()
    EXPORTERS[kind](storage).export_samples(path)
    seconds = time.perf_counter() - started
# Not ru_maxrss: that also holds what the parent had when it forked.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
print(json.dumps({"seconds": seconds, "peak": peak}))
"""


class Documents(JSONExtractionTask):
    """The training documents again and again, each copy with a number of its own."""

    def samples(self, split: str = "test") -> Iterator[Sample]:
        """Rows, numbered."""
        rows = list(super().samples("train"))
        for n in count():
            row = rows[n % len(rows)]
            inputs = {**row.inputs, "text": f"{row.inputs['text']}\nCopy {n}"}
            yield identify(
                "json", f"{row.id}-{n}", inputs, row.target, slice=row.slice, groups=row.groups
            )


def main(argv: Sequence[str] = ()) -> None:
    """Make the runs, export them, open the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="where the databases stay")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(args.keep or name)
        directory.mkdir(parents=True, exist_ok=True)
        sums = build_task(str(write_task(directory, max(SIZES))))
        urls = {
            (task.name, n): _database(directory, task, n)
            for task in (sums, Documents())
            for n in SIZES
        }
        with one_core():
            _tables(urls, Path(name))
        _report(urls["json", SIZES[0]], Path(name) / "report.html")


def _tables(urls: dict[tuple[str, int], str], directory: Path) -> None:
    """Seconds and peaks of every format."""
    rows = []
    for task in ("sums", "json"):
        for kind, (small, large) in _alternate(task, urls, directory).items():
            seconds = statistics.median(one["seconds"] for one in large)
            peaks = [statistics.median(one["peak"] for one in each) for each in (small, large)]
            size = (directory / f"out.{kind}").stat().st_size
            rows.append((task, kind, f"{seconds:.1f}", f"{size / 1e6:,.0f}", *map(round, peaks)))
    n = [f"{size:,}" for size in SIZES]
    show(["rows", "format", f"{n[1]}: s", "MB", f"peak MiB, {n[0]}", f"peak MiB, {n[1]}"], rows)


def _alternate(
    task: str, urls: dict[tuple[str, int], str], directory: Path
) -> dict[str, tuple[list[dict[str, float]], list[dict[str, float]]]]:
    """What each format took, for the small and for the large run."""
    measured: dict[str, tuple[list[dict[str, float]], list[dict[str, float]]]]
    measured = {kind: ([], []) for kind in FORMATS}
    for _ in range(ROUNDS):
        for kind in FORMATS:
            for n, taken in zip(SIZES, measured[kind], strict=True):
                command = [sys.executable, "-c", CHILD, urls[task, n], kind]
                done = subprocess.run(
                    [*command, str(directory / f"out.{kind}")], capture_output=True, check=True
                )
                taken.append(json.loads(done.stdout))
    return measured


def _report(url: str, path: Path) -> None:
    """The HTML report of 10,000 samples."""
    from llm_eval.report.page import write_report

    started = perf_counter()
    with MetricsStorage(url) as storage, path.open("wb") as stream:
        write_report(storage, storage.get_run("latest"), stream)
    made = perf_counter() - started
    opened = _open(path)
    row = (f"{made:.1f}", f"{path.stat().st_size / 1e6:.1f}", *(f"{s:.2f}" for s in opened))
    print()
    show(["report made in s", "MB, goal ≤ 5", "opened in s, goal < 1", "after a first time"], [row])


def _open(path: Path) -> tuple[float, float]:
    """Seconds until the page is loaded and drawn: in a new browser, and the median of others."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        taken = []
        for _ in range(6):
            tab = browser.new_page()
            started = perf_counter()
            tab.goto(path.as_uri(), wait_until="load")
            tab.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
            taken.append(perf_counter() - started)
            tab.close()
        browser.close()
    return taken[0], statistics.median(taken[1:])


def _database(directory: Path, task: Task, n: int) -> str:
    """One run of n samples; made only where it is not there yet."""
    path = directory / f"{task.name}-{n}.db"
    url = f"sqlite:///{path}"
    if not path.exists():
        gold = [task.completion(sample) for sample in islice(task.samples("test"), n)]

        def reply(messages: Prompt, *_: object) -> ModelResponse:
            number = int(_NUMBER.findall(messages[-1].content)[-1])
            text = gold[number] if number % 5 else gold[number].replace("0", "1")
            usage = Usage(sum(len(m.content) for m in messages) // 4, len(text) // 4 + 1)
            return ModelResponse(text, "m", usage=usage, latency_s=0.25, cost_usd=1e-4)

        with MetricsStorage(url) as storage:
            evaluate(task, ScriptedModel(reply), db=storage, limit=n, cache=False)
    return url


if __name__ == "__main__":
    main(sys.argv[1:])
