"""A disk that fails at each single call of a run, in every way: about a thousand runs."""

from pathlib import Path

import pytest

from llm_eval.testing import StubServer
from tests.faults.disk_loop import FAULTS, Loop
from tests.faults.failing_disk import failing_disk

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("name", FAULTS)
def test_at_every_call(name: str, tmp_path: Path) -> None:
    with StubServer().in_thread() as stub, failing_disk(tmp_path) as disk:
        broken = dict(Loop(disk, stub, tmp_path).points(FAULTS[name], first=1, every=1))
    print(f"\n| {name} | {len(broken)} |")  # noqa: T201 - for whoever measures
    assert {at: found for at, found in broken.items() if found} == {}
    assert broken
