"""A disk that fails under the run database: nothing lost, nothing doubled, one clear line."""

from collections.abc import Iterator

import pytest

from llm_eval.testing import StubServer
from tests.faults.disk_loop import FAULTS, Loop
from tests.faults.failing_disk import failing_disk

EVERY = {"write": 41, "read": 37, "sync": 9, "truncate": 1}
"""One call in so many; `make soak` tries them all. A run makes 160, 100, 25 and 3."""


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    work = tmp_path_factory.mktemp("disks")
    with StubServer().in_thread() as stub, failing_disk(work) as disk:
        yield Loop(disk, stub, work)


@pytest.mark.parametrize("name", FAULTS)
def test_a_run_survives_a_disk_where(name: str, loop: Loop) -> None:
    fault = FAULTS[name]
    first = 1 + sum(name.encode()) % EVERY[fault.kind]  # not the same calls for each
    broken = dict(loop.points(fault, first, EVERY[fault.kind]))
    assert {at: found for at, found in broken.items() if found} == {}
    assert broken, "no run came to the fault"
