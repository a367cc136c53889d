"""kill -9, again and again: nothing lost, nothing doubled, nothing durable asked again."""

from pathlib import Path

from tests.faults.killing import WORKERS, kill_often


def test_three_kills(database_url: str, tmp_path: Path) -> None:
    found = kill_often(tmp_path, database_url, n=400, kills=3, longest_s=0.4)
    assert (found.lost, found.doubled, found.beyond, found.invented) == (0, 0, 0, 0)
    assert found.most_in_flight <= WORKERS
    assert (found.kills, found.status, found.damage) == (3, "complete", ())
