"""Killed at any step, a run loses nothing, doubles nothing and asks only for what is missing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def crash(url: str, *words: str) -> dict[str, Any]:
    """Die at every point that is asked for; what `tests.faults.crashing` says of it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.crashing", url, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_killed_at_some_steps_of_a_run(database_url: str) -> None:
    found = crash(database_url, "--first", "3", "--every", "17")
    assert found["broken"] == {}
    assert found["points"] > 3


@pytest.mark.soak
def test_killed_at_every_step_of_a_run(database_url: str) -> None:
    found = crash(database_url)
    print(f"{found['points']} points")  # noqa: T201 - for whoever measures: pytest -s
    assert found["broken"] == {}
    assert found["points"] > 80
