"""Scorers that take long, in processes of their own, so that the run goes on asking meanwhile.

    async with ScoringPool() as pool:
        scores = await pool.score(scorer, sample, answer, response)

Every scorer begins in the event loop, where most take some 0.01 ms and a process would cost more.
A deterministic one whose samples take over 5 ms on average moves out. What cannot be sent to a
process, such as a class of the script that runs, stays where it is. multiprocessing is not used:
its processes run the user's script again, or are forked beside threads that hold locks.
"""

import asyncio
import os
import pickle
import sys
import time
from types import TracebackType
from typing import Any

from llm_eval.errors import EvalError, ScorerError
from llm_eval.scorers.base import Deterministic, Scorer, ScorerWrapper, Scores
from llm_eval.scorers.worker import LENGTH
from llm_eval.types import ModelResponse, Sample

SLOW_S = 0.005
"""A sample that takes longer than this holds up everybody else's reply."""
_UNSENDABLE = (pickle.PicklingError, AttributeError, TypeError)
"""What pickle says of objects that it cannot take; what scorers raise arrives as `EvalError`."""
_TRIED = 5
"""Samples before a scorer is called slow: the first ones import and compile."""


class ScoringPool:
    """Up to one process for each core, started when there is need. Used from one event loop."""

    def __init__(self, *, slow_s: float = SLOW_S, processes: int | None = None) -> None:
        self._slow_s = slow_s
        self._most = processes or os.cpu_count() or 1
        self._habits: dict[int, _Habit] = {}
        """By the scorer's place in memory, which no other takes while its habit holds it."""
        self._free: list[_Process] = []
        self._killed: list[_Process] = []
        self._slots = asyncio.Semaphore(self._most)

    @property
    def n_processes(self) -> int:
        """How many are idle now; all of them when nothing is graded."""
        return len(self._free)

    async def __aenter__(self) -> "ScoringPool":
        """Nothing is started yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all processes."""
        for process in (*self._free, *self._killed):
            await process.close()
        self._free, self._killed = [], []

    async def score(
        self, scorer: Scorer, sample: Sample, answer: Any, response: ModelResponse
    ) -> Scores:
        """As `scorer.score`, wherever it is best done.

        Raises:
            Exception: what the scorer raised.
            ScorerError: its process died.
        """
        habit = self._habits.get(id(scorer))
        if habit is None:
            habit = self._habits[id(scorer)] = _Habit(scorer)
        if habit.grade is None:
            if isinstance(scorer, ScorerWrapper):
                with scorer.within():
                    return await self.score(scorer.inner, sample, answer, response)
            return await scorer.score(sample, answer, response)
        if habit.is_slow(self._slow_s):
            try:
                frame = pickle.dumps((scorer, sample, answer))
                async with self._slots:
                    return await self._there(scorer.name, frame)
            except _UNSENDABLE:
                habit.can_move = False
        started = time.perf_counter()
        try:
            return habit.grade(sample, answer)
        finally:
            habit.n += 1
            habit.seconds += time.perf_counter() - started

    async def _there(self, name: str, frame: bytes) -> Scores:
        process = self._free.pop() if self._free else await _Process.start()
        try:
            outcome = await process.ask(frame)
        except BaseException:  # cancelled half-way: its answer would be the next one's
            process.kill()
            self._killed.append(process)
            raise
        if process.is_alive:
            self._free.append(process)
        if outcome is None:
            raise pickle.PicklingError(f"scorer {name!r} or its scores cannot be sent")
        if isinstance(outcome, EvalError):
            raise outcome
        if isinstance(outcome, str):
            raise ScorerError(f"scorer {name!r}: {outcome}")
        return list(outcome)


class _Habit:
    """How a scorer is asked, and how long it took here so far."""

    __slots__ = ("can_move", "grade", "n", "scorer", "seconds")

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self.grade = scorer.grade if isinstance(scorer, Deterministic) else None
        """None: it waits for others, and stays in the event loop."""
        self.can_move = True
        self.n = 0
        self.seconds = 0.0

    def is_slow(self, slow_s: float) -> bool:
        """Whether it should move to a process."""
        return self.n >= _TRIED and self.seconds > slow_s * self.n and self.can_move


class _Process:
    """One grading process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> "_Process":
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", "llm_eval.scorers.worker")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        return cls(
            await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env=environment)
        )

    async def ask(self, frame: bytes) -> Any:
        """Scores, an `EvalError`, what else went wrong in words, or None: it could not be sent."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(LENGTH.pack(len(frame)) + frame)
            await stdin.drain()
            (length,) = LENGTH.unpack(await stdout.readexactly(LENGTH.size))
            return pickle.loads(await stdout.readexactly(length))  # noqa: S301 - our own process
        except (asyncio.IncompleteReadError, ConnectionError):
            return f"its process died ({_ending(await self._process.wait())})"

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked again."""
        return self._process.returncode is None

    def kill(self) -> None:
        """At once; it may be grading."""
        if self._process.returncode is None:
            self._process.kill()

    async def close(self) -> None:
        """Wait for its end, which comes with the end of its input."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
