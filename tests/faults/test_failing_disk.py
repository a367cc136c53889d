"""A disk that fails under the run database: nothing lost, nothing doubled, one clear line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_eval.testing import StubServer
from tests.faults.disk_loop import FAULTS, Loop, N
from tests.faults.failing_disk import FailingDisk, Fault, failing_disk

EVERY = {"write": 41, "read": 37, "sync": 9, "truncate": 1}
"""One call in so many; `make soak` tries them all. A run makes 160, 100, 25 and 3."""
EVERY_OF_A_CHECKPOINT = {"write": 11, "sync": 1}
"""A run makes 30 and 1."""


@pytest.fixture(scope="module")
def stub() -> Iterator[StubServer]:
    with StubServer().in_thread() as server:
        yield server


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FailingDisk]:
    with failing_disk(tmp_path_factory.mktemp("library")) as made:
        yield made


@pytest.fixture(scope="module")
def loop(disk: FailingDisk, stub: StubServer, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    return Loop(disk, stub, tmp_path_factory.mktemp("disks"))


@pytest.mark.parametrize("name", FAULTS)
def test_a_run_survives_a_disk_where(name: str, loop: Loop) -> None:
    fault = FAULTS[name]
    every = (EVERY_OF_A_CHECKPOINT if fault.of else EVERY)[fault.kind]
    first = 1 + sum(name.encode()) % every  # not the same calls for each
    broken = dict(loop.points(fault, first, every))
    assert {at: found for at, found in broken.items() if found} == {}
    assert broken, "no run came to the fault"


def test_a_checkpoint_that_fails_is_said_and_fails_no_run(
    disk: FailingDisk, stub: StubServer, tmp_path: Path
) -> None:
    words = ["run", "qa", "--model", f"openai/m@{stub.url}", "--limit", str(N), "--json"]
    ended = disk.run(words, tmp_path, Fault("write", "ENOSPC", at=2, stays=True, of=".db"))
    assert (ended.code, ended.met) == (0, True)
    assert json.loads(ended.out)["status"] == "complete"
    (line,) = ended.err.splitlines()
    assert "runs.db: its log could not be moved into it (database or disk is full)" in line
    assert "nothing is lost" in line
