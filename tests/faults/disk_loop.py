"""A run whose disk fails at its N-th call, for N = 1, 2, 3, … until it no longer comes so far.

After each the run goes on with a disk that is whole, and is held against the oracle.
"""

import itertools
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from llm_eval.metrics.storage import MetricsStorage
from llm_eval.testing import StubServer
from tests.faults.crashing import MEASURED
from tests.faults.failing_disk import Ended, FailingDisk, Fault

N = 6
WARNING = "its log could not be moved into it"
"""Of a checkpoint; the line that ends the run may follow it."""
FAULTS = {
    "full": Fault("write", "ENOSPC", stays=True),
    "over its quota": Fault("write", "EDQUOT", stays=True),
    "read-only from now on": Fault("write", "EROFS", stays=True),
    "a write fails": Fault("write"),
    "writes fail from now on": Fault("write", stays=True),
    "half of a page finds room": Fault("write", "ENOSPC", stays=True, manner="short"),
    "the power goes within a write": Fault("write", manner="torn"),
    "a sync fails": Fault("sync"),
    "syncs fail from now on": Fault("sync", stays=True),
    "a read fails": Fault("read"),
    "reads fail from now on": Fault("read", stays=True),
    "a truncation fails": Fault("truncate"),
    "a write of a checkpoint fails": Fault("write", of=".db"),
    "checkpoints find no room from now on": Fault("write", "ENOSPC", stays=True, of=".db"),
    "syncs of checkpoints fail from now on": Fault("sync", stays=True, of=".db"),
}


class Loop:
    """Runs against one endpoint, each in a directory of its own."""

    def __init__(self, disk: FailingDisk, stub: StubServer, work: Path) -> None:
        self._disk, self._stub, self._work = disk, stub, work
        self._numbers = itertools.count()
        self._calm = _numbers_of(self._start(self._directory()))
        assert self._calm["n_scored"] == N

    def points(self, fault: Fault, first: int, every: int) -> Iterator[tuple[int, list[str]]]:
        """(N, what was broken) for each N at which the fault was met."""
        for at in itertools.count(first, every):
            met, broken = self._fail_at(replace(fault, at=at))
            if not met:
                assert broken == [], broken
                return
            yield at, broken

    def _fail_at(self, fault: Fault) -> tuple[bool, list[str]]:
        directory = self._directory()
        before = len(self._stub.journal)
        ended = self._start(directory, fault)
        broken = [*_of_the_end(ended, fault)]
        broken += self._resumed(directory, ended, before, fault)
        shutil.rmtree(directory)
        return ended.met, broken

    def _start(self, directory: Path, fault: Fault | None = None) -> Ended:
        words = ["run", "qa", "--model", f"openai/m@{self._stub.url}", "--limit", str(N)]
        return self._disk.run([*words, "--concurrency", "2", "--json"], directory, fault)

    def _directory(self) -> Path:
        directory = self._work / f"{next(self._numbers)}"
        directory.mkdir()
        return directory

    def _resumed(self, directory: Path, ended: Ended, before: int, fault: Fault) -> Iterator[str]:
        """The oracle: what is broken after the run went on."""
        known, durable = _kept(directory)
        if known and fault.of == ".db" and ended.code != 0:
            yield f"it ended with {ended.code} for a checkpoint: {ended.err}"
        if ended.code == 0 and durable != N:
            yield f"it said that all is done, and has {durable} replies"
        asked = len(self._stub.journal)
        go_on = ["run", "--resume", "latest", "--json"]
        after = self._disk.run(go_on, directory) if known else self._start(directory)
        if after.code != 0:
            yield f"it does not go on: {after.code}: {after.err}"
            return
        found = _numbers_of(after)
        if different := {k: found[k] for k in self._calm if found[k] != self._calm[k]}:
            yield f"another report: {different}"
        if (again := len(self._stub.journal) - asked) != N - durable:
            yield f"{durable} replies were durable, and {again} of {N} were asked for"
        said = {e.prompt: e.text for e in self._stub.journal[before:] if e.completed}
        yield from _of_the_rows(directory, said)
        asked = len(self._stub.journal)
        if self._disk.run(go_on, directory).code != 0 or len(self._stub.journal) != asked:
            yield "a complete run asked again"


def _of_the_end(ended: Ended, fault: Fault) -> Iterator[str]:
    """A failing disk is an exit code and one line; a disk that fails in passing may be neither."""
    if fault.manner == "torn" and ended.met:
        return
    if ended.code not in (0, 4):
        yield f"exit code {ended.code}"
    lines = [line for line in ended.err.splitlines() if WARNING not in line]
    if ended.code == 4 and not (
        len(lines) == 1 and lines[0].startswith("llm-eval: ") and "; " in lines[0]
    ):
        yield f"no clear line: {ended.err}"


def _numbers_of(ended: Ended) -> dict[str, Any]:
    assert ended.code == 0, ended
    return {k: v for k, v in json.loads(ended.out).items() if k not in MEASURED}


def _kept(directory: Path) -> tuple[bool, int]:
    """Whether there is a run, and its replies: of a copy, as looking repairs."""
    there, copied = directory / ".llm_eval", directory / "copied"
    if not (there / "runs.db").exists():
        return False, 0
    shutil.copytree(there, copied)
    with MetricsStorage(f"sqlite:///{copied}/runs.db") as storage:
        runs = storage.list_runs()
        if not runs:
            return False, 0
        durable = len(storage.usage_table(runs[0].run_id).indices)
        if runs[0].status == "complete":
            assert runs[0].n_done == N
    return True, durable


def _of_the_rows(directory: Path, said: dict[str, str | None]) -> Iterator[str]:
    with MetricsStorage(f"sqlite:///{directory}/.llm_eval/runs.db") as storage:
        if damage := storage.check():
            yield f"damaged: {damage}"
        (info,) = storage.list_runs()
        results = list(storage.results(info.run_id))
    if [result.index for result in results] != list(range(N)):
        yield f"results of {[result.index for result in results]}"
    for result in results:
        asked = "\n".join(message.content for message in result.prompt)
        if result.response is None or said[asked] != result.response.text:
            yield f"a reply that was never given: {result.index}"
