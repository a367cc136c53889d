"""SIGKILL at 50 random moments of one run: nothing lost, nothing doubled, little asked again.

python -m pytest -s -m soak tests/soak/test_kills.py
"""

from pathlib import Path

import pytest

from tests.databases import database_url, postgres_url
from tests.faults.killing import WORKERS, kill_often

__all__ = ["database_url", "postgres_url"]

pytestmark = pytest.mark.soak


def test_fifty_kills(database_url: str, tmp_path: Path) -> None:
    found = kill_often(tmp_path, database_url, n=8000, kills=50, longest_s=1.0)
    print(found.row, database_url.partition(":")[0])  # noqa: T201 - for whoever measures
    assert (found.lost, found.doubled, found.beyond, found.invented) == (0, 0, 0, 0)
    assert found.repeated <= 50 * found.most_in_flight
    assert found.most_in_flight <= WORKERS
    assert (found.status, found.damage) == ("complete", ())
