"""Slow scorers work in processes of their own; what they say and how they fail is the same."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from llm_eval.errors import ScorerError
from llm_eval.fingerprint import identify
from llm_eval.scorers.base import Deterministic, ScorerWrapper, Scores
from llm_eval.scorers.pool import ScoringPool
from llm_eval.types import Metric, ModelResponse, Sample, Score

SAMPLE = identify("t", "1", {}, "yes")
REPLY = ModelResponse("yes", "m")


@dataclass(frozen=True)
class Odd(Deterministic):
    """Tells in which process it was asked; the answer says what else it does."""

    name: ClassVar[str] = "odd"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("odd"),)

    def grade(self, sample: Sample, answer: Any) -> Scores:
        if answer == "print":
            print("a frame? no")  # noqa: T201 - what people's scorers do
        if answer == "raise":
            raise ZeroDivisionError("in somebody's scorer")
        if answer == "refuse":
            raise ScorerError("the row has no target")
        if answer == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if answer == "hang":
            time.sleep(600)
        if answer == "lock":
            return [Score("odd", float(os.getpid()), details={"lock": threading.Lock()})]
        return [Score("odd", float(os.getpid()))]


ODD = Odd()


@pytest.fixture
async def pool() -> AsyncIterator[ScoringPool]:
    """Every scorer is slow here, once it was seen five times."""
    async with ScoringPool(slow_s=0.0, processes=2) as pool:
        for _ in range(5):
            assert await process_of(pool, ODD, "") == os.getpid()
        yield pool


async def process_of(pool: ScoringPool, scorer: Deterministic, answer: str) -> int:
    [score] = await pool.score(scorer, SAMPLE, answer, REPLY)
    assert isinstance(score, Score)
    return int(score.value)


async def test_a_slow_scorer_moves_to_another_process(pool: ScoringPool) -> None:
    first = await process_of(pool, ODD, "")
    assert first != os.getpid()
    assert await process_of(pool, ODD, "print") == first


async def test_a_fast_scorer_stays() -> None:
    async with ScoringPool(slow_s=60) as pool:
        for _ in range(20):
            assert await process_of(pool, ODD, "") == os.getpid()


async def test_the_loop_goes_on_while_it_grades_and_no_more_run_than_there_are(
    pool: ScoringPool,
) -> None:
    asked = [asyncio.create_task(process_of(pool, ODD, "")) for _ in range(20)]
    await asyncio.sleep(0)
    assert not asked[0].done()
    found = set(await asyncio.gather(*asked))
    assert os.getpid() not in found
    assert len(found) <= 2 == pool.n_processes


async def test_failures_are_told_as_they_are_here(pool: ScoringPool) -> None:
    with pytest.raises(ScorerError, match="scorer 'odd': ZeroDivisionError: in somebody's scorer"):
        await process_of(pool, ODD, "raise")
    with pytest.raises(ScorerError, match=r"^the row has no target$"):
        await process_of(pool, ODD, "refuse")


async def test_a_process_that_dies_fails_its_sample_and_the_next_goes_on(pool: ScoringPool) -> None:
    with pytest.raises(ScorerError, match=r"scorer 'odd': its process died \(signal 9\)"):
        await process_of(pool, ODD, "die")
    assert await process_of(pool, ODD, "") != os.getpid()


async def test_a_cancelled_grading_leaves_no_answer_for_the_next(pool: ScoringPool) -> None:
    hanging = asyncio.create_task(process_of(pool, ODD, "hang"))
    await asyncio.sleep(0.5)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert await process_of(pool, ODD, "") != os.getpid()


async def test_what_cannot_be_sent_is_graded_here() -> None:
    class Local(Odd):
        """A class that no other process can import."""

    local = Local()
    async with ScoringPool(slow_s=0.0) as pool:
        for _ in range(8):
            assert await process_of(pool, local, "") == os.getpid()


async def test_scores_that_cannot_be_sent_are_made_here(pool: ScoringPool) -> None:
    assert await process_of(pool, ODD, "") != os.getpid()
    assert await process_of(pool, ODD, "lock") == os.getpid()
    assert await process_of(pool, ODD, "") == os.getpid()


def test_a_class_of_the_users_own_script_is_graded_in_the_script(tmp_path: Path) -> None:
    """Pickle takes it by its name, `__main__.Odd`, which names another module in a worker."""
    script = tmp_path / "script.py"
    source = Path(__file__).read_text()
    body = source[source.index("SAMPLE =") : source.index("@pytest.fixture")]
    script.write_text(
        source[: source.index("SAMPLE =")]
        + body
        + "async def main():\n"
        + "    async with ScoringPool(slow_s=0.0) as pool:\n"
        + "        for _ in range(8):\n"
        + "            [score] = await pool.score(ODD, SAMPLE, '', REPLY)\n"
        + "            print(int(score.value) == os.getpid())\n"
        + "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"] * 8


class Around(ScorerWrapper):
    """Counts how often it is entered."""

    entered = 0

    def within(self) -> AbstractContextManager[None]:
        self.entered += 1
        return nullcontext()


async def test_a_wrapped_scorer_moves_too_and_what_is_around_it_stays_here(
    pool: ScoringPool,
) -> None:
    around = Around(ODD)
    [score] = await pool.score(around, SAMPLE, "", REPLY)
    assert isinstance(score, Score)
    assert (int(score.value) != os.getpid(), around.entered) == (True, 1)
