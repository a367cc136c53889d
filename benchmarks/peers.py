"""The harnesses that people would use otherwise, on the same rows, endpoint and core.

    python -m benchmarks peers            # installs them under $PEERS_DIR, once
    SAMPLES=200,10000 python -m benchmarks peers

Whole processes, start to table: 64 connections to a stub that answers after 20 ms, one core for the
harness and one for the stub. Each peer gets its leanest settings. What a sample costs at the margin
is told by two lengths of run; where a third would take minutes it is computed from them and marked.
Machines change their speed within minutes: each peer is compared with our runs right before and
after it.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.engine import write_task
from benchmarks.stub_process import one_core, stub
from benchmarks.table import show

SHORT, LONG = (int(n) for n in os.environ.get("SAMPLES", "200,2000").split(","))
FULL = 10_000
MOST_S = 60
"""A full run that takes longer, going by the two shorter ones, is computed."""
HOME = Path(os.environ.get("PEERS_DIR", Path.home() / ".cache/llm-eval/peers"))
CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Peer:
    """One harness: what to install, what to write beside the rows, and how to start it."""

    name: str
    packages: tuple[str, ...]
    files: Mapping[str, str]
    """Files of the working directory; `URL` in them stands for the endpoint."""
    command: tuple[str, ...]
    """First the program in its environment."""
    goal: str = ""
    python: str = ""
    """What it needs beyond the Python that runs this."""


PEERS = (
    Peer(
        "nemo-evaluator",
        ("nemo-evaluator>=0.3",),
        {
            "sums.py": """\
from nemo_evaluator.environments.custom import benchmark, scorer
from nemo_evaluator.scoring import ScorerInput
from nemo_evaluator.scoring.text import exact_match

@benchmark(name="sums", dataset="rows.jsonl", prompt="{question}", target_field="answer")
@scorer
def score(sample: ScorerInput) -> dict:
    return exact_match(sample)
""",
            "sums.nel.yaml": """\
services:
  model: {type: api, url: "URL/chat/completions", protocol: chat_completions, model: m, api_key: x}
benchmarks:
  - {name: sums.py, solver: {type: simple, service: model}, max_concurrent: 64}
output: {dir: nemo}
""",
        },
        ("nel", "eval", "run", "sums.nel.yaml"),
        "≥ 6 ×",
        "python3.13",
    ),
    Peer(
        "lm-eval",
        ("lm-eval[api]",),
        {
            "sums.lm.yaml": """\
task: sums
dataset_path: json
dataset_kwargs: {data_files: {test: rows.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
generation_kwargs: {until: [], do_sample: false}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
""",
        },
        (
            *("lm_eval", "--model", "local-chat-completions", "--apply_chat_template"),
            "--model_args",
            f"model=m,base_url=URL/chat/completions,num_concurrent={CONNECTIONS}",
            *("--tasks", "sums", "--include_path", ".", "--output_path", "lm", "--log_samples"),
        ),
        "≥ 10 ×",
    ),
    Peer(
        "inspect-ai",
        ("inspect-ai", "openai"),
        {
            "sums_inspect.py": """\
from inspect_ai import Task, task
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.scorer import match
from inspect_ai.solver import generate

@task
def sums():
    fields = FieldSpec(input="question", target="answer")
    return Task(dataset=json_dataset("rows.jsonl", fields), solver=generate(), scorer=match())
""",
        },
        (
            *("inspect", "eval", "sums_inspect.py", "--model", "openai-api/stub/m"),
            *("--max-connections", str(CONNECTIONS), "--max-samples", str(2 * CONNECTIONS)),
            *("--display", "none", "--no-log-realtime", "--log-buffer", "1000"),
        ),
        "≥ 40 ×",
    ),
    Peer(
        "pydantic-evals",
        ("pydantic-evals", "openai"),
        {
            "sums_pydantic.py": f"""\
import asyncio, json
from openai import AsyncOpenAI
from pydantic_evals import Case, Dataset
from pydantic_evals.evaluators import EqualsExpected

client = AsyncOpenAI(base_url="URL", api_key="x")
rows = [json.loads(line) for line in open("rows.jsonl")]

async def ask(question: str) -> str:
    message = dict(role="user", content=question)
    reply = await client.chat.completions.create(model="m", messages=[message], temperature=0)
    return reply.choices[0].message.content

cases = [Case(inputs=row["question"], expected_output=row["answer"]) for row in rows]
dataset = Dataset(name="sums", cases=cases, evaluators=[EqualsExpected()])
report = dataset.evaluate_sync(ask, max_concurrency={CONNECTIONS}, progress=False)
print(report.averages())
""",
        },
        ("python", "sums_pydantic.py"),
    ),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One whole process."""

    wall_s: float
    cpu_s: float
    peak_mb: float


Run = Callable[[Path, str], Measured]
"""Directory and endpoint in, a process that has ended out."""


def main() -> None:
    """Install what is missing, run all, print one table."""
    _once(_ours, 1)  # compiles what was not compiled yet
    runs, times_faster = {"llm-eval": _all(_ours)}, {}
    left_out = {}
    ours = [runs["llm-eval"].full_s]
    for peer in PEERS:
        try:
            environment = _installed(peer)
            run = partial(_theirs, peer, environment)
            _once(run, 1)
            runs[peer.name] = _all(run)
        except (subprocess.CalledProcessError, OSError) as exc:
            left_out[peer.name] = str(exc)
            continue
        ours.append(_once(_ours, FULL).wall_s)
        times_faster[peer.name] = runs[peer.name].full_s / statistics.mean(ours[-2:])
    runs["llm-eval"] = replace(runs["llm-eval"], full_s=statistics.median(ours))
    goals = {peer.name: peer.goal for peer in PEERS}
    header = ["harness", f"{SHORT:,} s", f"{LONG:,} s", "marginal/s", "CPU µs/sample", "peak MB",
              f"{FULL:,} s", "llm-eval is", "goal"]  # fmt: skip
    rows = [(*_row(n, runs[n]), _told(times_faster.get(n)), goals.get(n, "")) for n in runs]
    show(header, rows)
    for name, why in left_out.items():
        print(f"{name}: could not be measured: {why}")


@dataclass(frozen=True, slots=True)
class Lengths:
    """What runs of three lengths took."""

    short: Measured
    long: Measured
    full_s: float
    is_computed: bool


def _all(run: Run) -> Lengths:
    """The short, the long and the full run."""
    short, long = _once(run, SHORT), _once(run, LONG)
    computed = long.wall_s + (FULL - LONG) * (long.wall_s - short.wall_s) / (LONG - SHORT)
    if computed > MOST_S:
        return Lengths(short, long, computed, is_computed=True)
    return Lengths(short, long, _once(run, FULL).wall_s, is_computed=False)


def _once(run: Run, n: int) -> Measured:
    """One run of `n` rows, in its own directory and against its own stub."""
    with tempfile.TemporaryDirectory() as name, one_core(), stub("--latency-ms", "20") as url:
        write_task(Path(name), n)
        return run(Path(name), url)


def _ours(directory: Path, url: str) -> Measured:
    command = [sys.executable, "-m", "llm_eval", "run", "sums.yaml", "--model", f"openai/m@{url}"]
    return _measure([*command, "--db", "sqlite:///runs.db"], directory)


def _theirs(peer: Peer, environment: Path, directory: Path, url: str) -> Measured:
    for name, text in peer.files.items():
        (directory / name).write_text(text.replace("URL", url))
    program, *arguments = (part.replace("URL", url) for part in peer.command)
    variables = {"STUB_BASE_URL": url, "STUB_API_KEY": "x", "OPENAI_API_KEY": "x"}
    return _measure([str(environment / "bin" / program), *arguments], directory, variables)


def _measure(
    command: list[str], directory: Path, variables: Mapping[str, str] | None = None
) -> Measured:
    """Run a process to its end.

    Raises:
        CalledProcessError: it failed; with the end of what it said.
    """
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", **(variables or {})}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles at every start
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with (directory / "output.txt").open("w+b") as output:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        if process.returncode:
            said = (directory / "output.txt").read_text(errors="replace").strip()
            raise subprocess.CalledProcessError(process.returncode, f"{command[0]}: {said[-600:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(wall, cpu, used.ru_maxrss / 1024)


def _installed(peer: Peer) -> Path:
    """The peer's own environment.

    Raises:
        CalledProcessError: it cannot be installed.
    """
    environment = HOME / peer.name
    if not (environment / ".whole").exists():
        shutil.rmtree(environment, ignore_errors=True)
        python = shutil.which(peer.python) or os.environ.get("PEERS_PYTHON") or sys.executable
        subprocess.run([python, "-m", "venv", str(environment)], check=True)
        pip = [str(environment / "bin/python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *peer.packages], check=True, stderr=subprocess.DEVNULL)
        (environment / ".whole").touch()
    return environment


def _row(name: str, lengths: Lengths) -> tuple[str, ...]:
    short, long, more = lengths.short, lengths.long, LONG - SHORT
    return (
        name,
        f"{short.wall_s:.1f}",
        f"{long.wall_s:.1f}",
        f"{more / (long.wall_s - short.wall_s):,.0f}",
        f"{1e6 * (long.cpu_s - short.cpu_s) / more:,.0f}",
        f"{long.peak_mb:.0f}",
        f"{lengths.full_s:.1f}" + (" (computed)" if lengths.is_computed else ""),
    )


def _told(times_faster: float | None) -> str:
    return "" if times_faster is None else f"{times_faster:.1f} × faster"


if __name__ == "__main__":
    main()
