"""Runs against each other, sample by sample: which of two stored replies a judge finds better.

>>> found = play(runs, judges, rubric, Play(limit=100), storage)
>>> found.duels[0].outcome
PairOutcome(winner="first", consistent=True, chose_position=None)

Both orders are asked, and an answer that changes with the order is a tie. Replies that are equal to
the letter tie without a call. No candidate is asked anything.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from llm_eval.errors import BudgetExceededError, ConfigError
from llm_eval.event_loop import in_own_loop
from llm_eval.fingerprint import digest
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.base import BaseModel
from llm_eval.scorers.canaries import CONTROL, Canary, CanaryReport, canary_texts
from llm_eval.scorers.llm_judge import reference_text
from llm_eval.scorers.pairwise import PairOutcome, TwoReplies, Winner, compare_pair, pair_fitting
from llm_eval.scorers.rubric import Rubric
from llm_eval.scorers.verdict import NoVerdictError, State
from llm_eval.types import RunInfo, Sample, SampleResult

IDENTICAL = PairOutcome("tie", True, None)
"""Of two replies that are one."""
_N_REFERENCES = 5
"""Samples whose reference stands against the canaries, in turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """How runs are set against each other."""

    limit: int | None = None
    """Samples, drawn by `seed`; None: all that the runs share."""
    seed: int = 0
    concurrency: int = 64
    max_tokens: int = 512


@dataclass(frozen=True, slots=True)
class Duel:
    """Two runs' replies to one sample, and what became of them."""

    sample: Sample
    first: str
    """Run id."""
    second: str
    two: TwoReplies
    outcome: PairOutcome | None = None
    state: State | None = None
    """Why there is no outcome."""
    unanimous: bool = True
    """All judges of a panel said the same."""

    @property
    def identical(self) -> bool:
        """The two replies are one; no judge is asked."""
        return self.two.first == self.two.second


@dataclass(frozen=True, slots=True)
class Played:
    """All duels of some runs."""

    runs: tuple[RunInfo, ...]
    duels: tuple[Duel, ...]
    n_samples: int
    n_missing: Mapping[tuple[str, str], int]
    """Of two runs, samples to which one of them has no reply."""
    canaries: CanaryReport
    stopped: str | None
    """Why not all was played."""


@dataclass(frozen=True, slots=True)
class _Asked:
    sample: Sample
    question: str
    replies: Mapping[str, str]
    """By run."""


@dataclass(frozen=True, slots=True)
class _Programme:
    """What is to be played."""

    runs: tuple[RunInfo, ...]
    duels: Sequence[Duel]
    references: Sequence[_Asked]
    """Samples whose reference stands against the canaries."""
    n_samples: int
    n_missing: Mapping[tuple[str, str], int]


def play(
    runs: Sequence[RunInfo],
    judges: Sequence[BaseModel],
    rubric: Rubric,
    how: Play,
    storage: MetricsStorage,
) -> Played:
    """Set every two of `runs` against each other on the samples that they share.

    Raises:
        ConfigError: fewer than two runs, one twice, or no sample that two have replied to.
    """
    ids = [run.run_id for run in runs]
    if len(set(ids)) < len(ids) or len(ids) < 2:
        raise ConfigError(f"pairwise needs two different runs or more, got {', '.join(ids)}")
    asked = _asked(runs, storage)
    chosen = sorted(asked, key=lambda one: digest((how.seed, one.sample.key)))[: how.limit]
    duels = [duel for one in chosen for duel in _duels(one, ids, rubric)]
    if not duels:
        raise ConfigError(f"runs {', '.join(ids)} have no sample that two of them replied to")
    missing = {
        pair: sum(not set(pair) <= one.replies.keys() for one in chosen)
        for pair in combinations(ids, 2)
    }
    references = [one for one in chosen if _reference(one.sample, rubric)][:_N_REFERENCES]
    programme = _Programme(tuple(runs), duels, references, len(chosen), missing)
    return in_own_loop(lambda: _play(programme, judges, rubric, how))


async def _play(
    programme: _Programme, judges: Sequence[BaseModel], rubric: Rubric, how: Play
) -> Played:
    duels = programme.duels
    try:
        for judge in judges:
            await judge.start()
        canaries, stopped = CanaryReport((), ()), None
        try:
            table = _Table(await _able(judges, duels, rubric, how), rubric, how.max_tokens)
            canaries = await table.release(programme.references)
        except BudgetExceededError as exc:
            stopped = str(exc)
        done: list[Duel] = []
        if stopped is None:
            stopped = await table.play(duels, done, how.concurrency)
    finally:
        for judge in judges:
            await judge.aclose()
    order = {(d.sample.key, d.first, d.second): n for n, d in enumerate(duels)}
    done.sort(key=lambda d: order[d.sample.key, d.first, d.second])
    return Played(
        programme.runs, tuple(done), programme.n_samples, programme.n_missing, canaries, stopped
    )


async def _able(
    judges: Sequence[BaseModel], duels: Sequence[Duel], rubric: Rubric, how: Play
) -> list[BaseModel]:
    """The judges as they can be asked, tried on the first duel that needs them."""
    open_ = [duel.two for duel in duels if not duel.identical]
    if not open_:
        return list(judges)
    return [await pair_fitting(judge, open_[0], rubric, how.max_tokens) for judge in judges]


class _Table:
    """Judges around a table; duels are put before them."""

    def __init__(self, judges: Sequence[BaseModel], rubric: Rubric, max_tokens: int) -> None:
        self._judges, self._rubric, self._max_tokens = judges, rubric, max_tokens

    async def play(self, duels: Sequence[Duel], done: list[Duel], concurrency: int) -> str | None:
        """Have all decided into `done`; why it stopped early, if it did."""
        waiting, stopped = iter(duels), list[str]()

        async def work_off() -> None:
            while not stopped and (duel := next(waiting, None)) is not None:
                try:
                    done.append(await self._decided(duel))
                except BudgetExceededError as exc:
                    stopped.append(str(exc))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(duels))):
                group.create_task(work_off())
        return stopped[0] if stopped else None

    async def release(self, references: Sequence[_Asked]) -> CanaryReport:
        """Texts that answer nothing against references; whoever prefers one is named."""
        if not references:
            return CanaryReport((), ())
        texts = canary_texts(self._rubric)
        tries = [
            (name, text, references[n % len(references)])
            for n, (name, text) in enumerate(texts.items())
        ]
        found = await asyncio.gather(*(self._canary(*one) for one in tries))
        return CanaryReport(tuple(found), ())

    async def _canary(self, name: str, text: str, asked: _Asked) -> Canary:
        reference = _reference(asked.sample, self._rubric) or CONTROL
        two = TwoReplies(asked.question, text, reference, reference)
        try:
            outcome, _ = await self._verdict(two)
        except NoVerdictError as exc:
            return Canary(name, asked.sample.id, exc.state)
        fooled = outcome.consistent and outcome.winner != "second"
        return Canary(name, asked.sample.id, "passed" if fooled else "failed")

    async def _decided(self, duel: Duel) -> Duel:
        made = (duel.sample, duel.first, duel.second, duel.two)
        if duel.identical:
            return Duel(*made, IDENTICAL)
        try:
            outcome, unanimous = await self._verdict(duel.two)
        except NoVerdictError as exc:
            return Duel(*made, state=exc.state)
        return Duel(*made, outcome, unanimous=unanimous)

    async def _verdict(self, two: TwoReplies) -> tuple[PairOutcome, bool]:
        """What most judges say, and whether all say it."""
        given = await asyncio.gather(*(self._heard(judge, two) for judge in self._judges))
        heard = [one for one in given if isinstance(one, PairOutcome)]
        silent = [one for one in given if isinstance(one, NoVerdictError)]
        if 2 * len(heard) <= len(given) and silent:
            raise silent[0]
        return majority(heard), len({one.winner for one in heard}) == 1

    async def _heard(self, judge: BaseModel, two: TwoReplies) -> PairOutcome | NoVerdictError:
        try:
            return await compare_pair(judge, two, self._rubric, max_tokens=self._max_tokens)
        except NoVerdictError as exc:
            return exc


def majority(outcomes: Sequence[PairOutcome]) -> PairOutcome:
    """The winner that more than half of the judges name; else a tie.

    A panel is consistent where all of its members are.
    """
    if len(outcomes) == 1:
        return outcomes[0]
    winner, n = Counter(one.winner for one in outcomes).most_common(1)[0]
    decided: Winner = winner if 2 * n > len(outcomes) else "tie"
    return PairOutcome(decided, all(one.consistent for one in outcomes), None)


def _asked(runs: Sequence[RunInfo], storage: MetricsStorage) -> list[_Asked]:
    """Samples with all first replies; the question is what the first run that has it asked."""
    samples: dict[str, tuple[Sample, str]] = {}
    replies: dict[str, dict[str, str]] = {}
    for run in runs:
        for result in storage.results(run.run_id):
            if result.epoch == 0:
                key = result.sample.key
                samples.setdefault(key, (result.sample, _question(result)))
                given = replies.setdefault(key, {})
                if result.response is not None:
                    given[run.run_id] = result.response.text
    return [_Asked(*samples[key], given) for key, given in replies.items()]


def _question(result: SampleResult) -> str:
    return "\n\n".join(turn.content for turn in result.prompt if turn.role != "system")


def _duels(asked: _Asked, ids: Sequence[str], rubric: Rubric) -> Iterator[Duel]:
    for first, second in combinations(ids, 2):
        if first in asked.replies and second in asked.replies:
            reference = _reference(asked.sample, rubric)
            one, other = asked.replies[first], asked.replies[second]
            two = TwoReplies(asked.question, one, other, reference)
            yield Duel(asked.sample, first, second, two)


def _reference(sample: Sample, rubric: Rubric) -> str | None:
    return None if rubric.reference == "none" else reference_text(sample.target)
