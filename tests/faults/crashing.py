"""A run that dies at its N-th step and is resumed: for N = 1, 2, 3, … until it lives.

    python -m tests.faults.crashing sqlite:////tmp/runs.db --every 1

A step is whatever can come between two things that must not come apart: a coroutine goes on after
an await, a statement is about to be run, a commit is about to be made, or has just been made. The
process is killed there, with what its buffers and threads hold. Prints a line of JSON: how many
points there were, and what was broken at which.
"""

import argparse
import asyncio
import itertools
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import event

from llm_eval.cli.signals import stop_on_signals
from llm_eval.evaluation import Built, Plan, Request, prepare
from llm_eval.execution import Evaluation, execute_plan
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.base import BaseModel
from llm_eval.models.caching import Caching
from llm_eval.types import ModelResponse, Prompt, RunInfo, Sampling, Usage
from tests.test_runner import Numbers

N = 6
MOST_POINTS = 3000
MEASURED = ("run_id", "wall_s", "samples_per_s", "latency_s", "db")


class Journal:
    """What the model was asked and what it said, in a file that outlives the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def note(self, what: str, prompt: str) -> None:
        os.write(self._file, f"{what} {prompt}\n".encode())

    def count(self, what: str) -> int:
        return sum(line.startswith(f"{what} ") for line in self._path.read_text().splitlines())

    def said(self) -> set[str]:
        lines = self._path.read_text().splitlines()
        return {line.removeprefix("said ") for line in lines if line.startswith("said ")}

    def close(self) -> None:
        os.close(self._file)


class Answering(BaseModel):
    """Repeats the question; two of three are right."""

    name = "answering"

    def __init__(self, journal: Journal, tag: str, pause_s: float) -> None:
        self._journal = journal
        self._tag = tag
        self._pause_s = pause_s

    @property
    def identity(self) -> Mapping[str, Any]:
        return {"provider": "answering", "model": self._tag}  # no cache row is shared by two points

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        asked = messages[-1].content
        self._journal.note("asked", asked)
        await asyncio.sleep(self._pause_s)
        self._journal.note("said", asked)
        return ModelResponse(
            asked if int(asked) % 3 else "no", "answering", usage=Usage(int(asked), 7),
            latency_s=0.5, cost_usd=0.25,
        )  # fmt: skip


class Death:
    """Counts steps, and ends the process at one of them."""

    def __init__(self, at: int | None) -> None:
        self._at = at
        self._steps = itertools.count(1)

    def step(self) -> None:
        if next(self._steps) == self._at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, storage: MetricsStorage) -> None:
        """Every statement and both sides of every commit are steps."""
        engine = storage._engine
        event.listen(engine, "before_cursor_execute", lambda *_: self.step())
        commit = engine.dialect.do_commit

        def do_commit(connection: Any) -> None:
            self.step()
            commit(connection)
            self.step()

        engine.dialect.do_commit = do_commit  # type: ignore[method-assign, assignment]

    def loop(self) -> asyncio.AbstractEventLoop:
        step = self.step

        class Loop(asyncio.SelectorEventLoop):
            def call_soon(  # type: ignore[override]
                self, callback: Any, *args: Any, context: Any = None
            ) -> asyncio.Handle:
                step()
                return super().call_soon(callback, *args, context=context)

        return Loop()


def live(
    url: str,
    tag: str,
    journal: Path,
    dies_at: int | None = None,
    *,
    n: int = N,
    pause_s: float = 0.001,
) -> Evaluation:
    """One process's part of the run with this tag; SIGINT stops it, as it does a command."""
    death, notes = Death(dies_at), Journal(journal)
    with MetricsStorage(url) as storage:
        death.watch(storage)
        task, model = Numbers(n=n), Caching(Answering(notes, tag, pause_s), storage.cache())
        request = Request(task=task.name, model=model.name, concurrency=2, tags={"point": tag})
        plan = prepare(request, storage, Built(task=task, model=model))
        with asyncio.Runner(loop_factory=death.loop) as runner:
            ended = runner.run(_until_told(plan, storage, tag))
            assert asyncio.all_tasks(runner.get_loop()) == set()
    notes.close()
    return ended


async def _until_told(plan: Plan, storage: MetricsStorage, tag: str) -> Evaluation:
    stop = asyncio.Event()
    stop_on_signals(stop)
    return await execute_plan(plan, storage, stop=stop, resume=find(storage, tag))


def find(storage: MetricsStorage, tag: str) -> RunInfo | None:
    return next(iter(storage.list_runs(tag=("point", tag))), None)


def look(url: str, tag: str, journal: Path, expected: str) -> Iterator[str]:
    """Resume what died, and hold it against the oracle of eight."""
    notes = Journal(journal)
    durable = durable_replies(url, tag)
    asked = notes.count("asked")
    descriptors = open_files()
    ended = live(url, tag, journal)
    if open_files() > descriptors:
        yield "6: files were left open"
    with MetricsStorage(url) as storage:
        results = list(storage.results(ended.run_id))
        if [result.index for result in results] != list(range(N)):
            yield f"1: results of {[result.index for result in results]}"
        said = notes.said()
        wrong = [r for r in results if r.response is None or r.prompt[-1].content not in said]
        if wrong:
            yield f"2: {len(wrong)} replies that were never given"
        if (damage := storage.check()) != []:
            yield f"8: {damage}"
    usage = ended.summary.usage
    if (usage.prompt_tokens, usage.completion_tokens) != (sum(range(N)), 7 * N):
        yield f"3: {usage}"
    found, calm = json.loads(report(ended)), json.loads(expected)
    if different := {name: found[name] for name in calm if found[name] != calm[name]}:
        yield f"4: {different}"
    if (again := notes.count("asked") - asked) != N - durable:
        yield f"5: {durable} replies were durable, and {again} of {N} were asked for"
    asked = notes.count("asked")
    live(url, tag, journal)
    if notes.count("asked") != asked:
        yield "7: a complete run asked again"


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def durable_replies(url: str, tag: str) -> int:
    with MetricsStorage(url) as storage:
        info = find(storage, tag)
        return 0 if info is None else len(storage.usage_table(info.run_id).indices)


def report(ended: Evaluation) -> str:
    """The summary but for what was measured."""
    numbers = {k: v for k, v in ended.summary.to_dict().items() if k not in MEASURED}
    return json.dumps(numbers)


def in_child(work: Callable[[], Any]) -> tuple[int, str]:
    """Do it in a fork: its exit status, and what it returned, as text."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.write(write, str(work()).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


def main() -> None:
    """Die at every point, or at some."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--every", type=int, default=1, help="only one point in so many")
    parser.add_argument("--first", type=int, default=1)
    args = parser.parse_args()
    broken, n_points = {}, 0
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        code, expected = in_child(lambda: report(live(args.url, "calm", directory / "calm")))
        assert code == 0, "an undisturbed run fails"
        for point in range(args.first, MOST_POINTS, args.every):
            died, found = die_at(point, args.url, directory, expected)
            if found:
                broken[point] = found
            if not died:
                break
            n_points += 1
    json.dump({"points": n_points, "broken": broken}, sys.stdout)


def die_at(point: int, url: str, directory: Path, expected: str) -> tuple[bool, str]:
    """Whether a run died there, and what was broken then."""
    tag, journal = f"p{point}", directory / f"{point}"
    journal.touch()
    died, _ = in_child(lambda: live(url, tag, journal, point))
    code, found = in_child(lambda: "; ".join(look(url, tag, journal, expected)))
    if code != 0:
        found = f"looking at it failed with {code}"
    return died == -signal.SIGKILL, found


if __name__ == "__main__":
    main()
