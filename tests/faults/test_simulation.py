"""Hundreds of runs in virtual time, each with other faults, outages, deaths and full disks."""

import os

import pytest

from tests.faults.simulation import simulate

SEEDS = int(os.environ.get("LLM_EVAL_SEEDS", "200"))
"""How many are tried: `LLM_EVAL_SEEDS=20000 python -m pytest tests/faults/test_simulation.py`."""
FOUND = (
    (0, "a cancelled run stored its waiting samples as failed and went on"),
    (4, "a reply was in the cache before the run had it: killed between, it cost nothing"),
    (6, "who waited for a slot asked although the endpoint wanted nobody to"),
    (29, "who waited for a twin's reply outlived the cancellation of both"),
    (81, "a reply was durable and its twin's cache row was not: both were asked"),
    (1170, "a reply that came after a failure was asked for again"),
)
"""Seeds that once broke a promise, and which."""


@pytest.mark.parametrize("seed", [seed for seed, _ in FOUND])
def test_what_was_broken_once_holds(seed: int) -> None:
    assert simulate(seed).broken == []


def test_every_seed_ends_complete_and_as_if_undisturbed() -> None:
    broken = {seed: found for seed in range(SEEDS) if (found := simulate(seed).broken)}
    assert broken == {}


def test_the_same_seed_is_the_same_run() -> None:
    assert [simulate(seed).journal for seed in (6, 6)] == [simulate(6).journal] * 2
