"""A run that is killed again and again, and what its endpoint saw of it."""

import random
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from llm_eval.metrics.storage import MetricsStorage
from llm_eval.testing import StubServer
from tests.cli.conftest import LLM_EVAL

CONCURRENCY = 8
AT_WORK = 0.8
"""Share of the moments that are counted from a process's first call; the others from its start."""
WORKERS = 4 * CONCURRENCY + 8
TASK = """\
name: sums
data: rows.csv
messages: [{role: user, content: "{{ q }}"}]
target: "{{ a }}"
scorers: [exact_match]
"""


@dataclass
class Killed:
    """What became of a run that was killed so often."""

    n: int
    kills: int = 0
    lost: int = 0
    doubled: int = 0
    repeated: int = 0
    """Calls that were made again because they were in flight when the process died."""
    most_in_flight: int = 0
    beyond: int = 0
    """Calls that were made again although their reply was durable."""
    invented: int = 0
    damage: tuple[str, ...] = ()
    status: str = ""

    @property
    def row(self) -> str:
        """As in the table of docs/reliability.md."""
        return (
            f"| {self.n:,} | {self.kills} | {self.lost} | {self.doubled} | {self.repeated} "
            f"(at most {self.most_in_flight} at a kill) | {self.beyond} |"
        )


def kill_often(work: Path, url: str, n: int, kills: int, longest_s: float, seed: int = 0) -> Killed:
    """Run n samples; kill the process at so many random moments, and then let it end.

    Args:
        work: an empty directory.
        url: of the database.
        n: samples; too many to be done before the last kill.
        kills: how often.
        longest_s: how long a process lives at most, from its start or from its first call.
        seed: of the moments.
    """
    rows = (f"what is {number} + {number}?,{2 * number}\n" for number in range(n))
    (work / "rows.csv").write_text("q,a\n" + "".join(rows))
    (work / "t.yaml").write_text(TASK)
    found, draw = Killed(n), random.Random(seed)
    with StubServer(latency_s=0.05).in_thread() as stub:
        durable: set[str] = set()
        seen = 0
        for _ in range(kills):
            process = start(work, url, stub.url)
            if draw.random() < AT_WORK:
                wait_for_a_call(stub, seen)
            time.sleep(draw.uniform(0, longest_s))
            assert process.poll() is None, process.communicate()
            process.kill()
            process.communicate()
            time.sleep(0.1)  # what it sent last arrives
            found.kills += 1
            found.beyond += sum(e.prompt in durable for e in stub.journal[seen:])
            seen, durable = len(stub.journal), durable_prompts(url)
            in_flight = {exchange.prompt for exchange in stub.journal} - durable
            found.most_in_flight = max(found.most_in_flight, len(in_flight))
        process = start(work, url, stub.url)
        _, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
        found.beyond += sum(e.prompt in durable for e in stub.journal[seen:])
        found.repeated = len(stub.journal) - len({e.prompt for e in stub.journal})
        said = {exchange.prompt: exchange.text for exchange in stub.journal if exchange.completed}
    with MetricsStorage(url) as storage:
        info = storage.get_run("latest")
        results = list(storage.results(info.run_id))
        places = {(result.index, result.epoch) for result in results}
        found.status, found.damage = info.status, tuple(storage.check())
        found.lost, found.doubled = n - len(places), len(results) - len(places)
        texts = [(r.prompt[-1].content, r.response.text) for r in results if r.response]
        found.invented = sum(said[prompt] != text for prompt, text in texts)
    return found


def wait_for_a_call(stub: StubServer, seen: int) -> None:
    """Until the process has asked something."""
    deadline = time.monotonic() + 60
    while len(stub.journal) == seen:
        assert time.monotonic() < deadline, "it asked nothing"
        time.sleep(0.002)


def start(work: Path, url: str, endpoint: str) -> "subprocess.Popen[str]":
    """The run, from its beginning or from where it was killed."""
    with MetricsStorage(url) as storage:
        known = storage.list_runs(limit=1)
    words = (
        ["--resume", known[0].run_id]
        if known
        else ["t.yaml", "--model", f"openai/m@{endpoint}", "--concurrency", str(CONCURRENCY)]
    )
    return subprocess.Popen(
        [*LLM_EVAL, "run", *words, "--db", url, "--json", *([] if known else ["--no-cache"])],
        cwd=work,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def durable_prompts(url: str) -> set[str]:
    """What the run has a reply for."""
    with MetricsStorage(url) as storage:
        runs = storage.list_runs(limit=1)
        if not runs:
            return set()
        indices = storage.usage_table(runs[0].run_id).indices.tolist()
    return {f"what is {number} + {number}?" for number in indices}
