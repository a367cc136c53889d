"""The engine: a fixed number of workers pull samples from a lazy stream.

Each worker takes one sample through: prompt → reply → durable → parsed → scored → stored. Slots
for calls belong to the model's limiter, and there are more workers than slots: while one waits for
its reply to be durable, another is already asking. Memory is O(workers), never O(samples).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, Protocol

from llm_eval.errors import BudgetExceededError, ProviderError, StoppedError, boundary
from llm_eval.fingerprint import request_key
from llm_eval.garbage import fewer_collections
from llm_eval.grading import grade
from llm_eval.judging import bound_judges
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.metrics.writer import RunWriter
from llm_eval.models.base import BaseModel
from llm_eval.models.caching import ASKING
from llm_eval.scorers.pool import ScoringPool
from llm_eval.tasks.base import Task
from llm_eval.types import Failure, ModelResponse, Prompt, Sample, SampleResult, Sampling

DEFAULT_CONCURRENCY = 64
Ending = Literal["finished", "interrupted", "budget", "fatal"]


class Observer(Protocol):
    """Whoever wants to see the run while it goes on: a progress bar, metrics, a test."""

    def on_result(self, result: SampleResult) -> None:
        """One more sample is done."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a run needs, built and checked before the first call."""

    run_id: str
    task: Task
    model: BaseModel
    sampling: Sampling
    split: str
    n_samples: int
    epochs: int = 1
    constrain: bool = False
    """Ask the endpoint to hold the reply to the sample's JSON Schema."""
    concurrency: int = DEFAULT_CONCURRENCY
    around: "Callable[[Evaluate], Evaluate] | None" = None
    """Wraps the evaluation of each sample, and may give it another model and other scorers."""
    first: Sequence[Sample] = ()
    """The first samples, where they are known already; the others are read as they are needed."""
    remaining: "Callable[[], Iterator[Work]] | None" = None
    """Replies of another run, where nothing is asked; None: every sample without a result."""

    @property
    def workers(self) -> int:
        """How many samples are under way at once.

        Four times the slots: a worker also waits for the commit that makes its reply durable, and
        for scoring. With twice as many, a slow disk left slots empty.
        """
        most = 4 * self.concurrency + 8 if self.remaining is None else self.concurrency
        return min(most, max(1, self.n_samples * self.epochs))

    def samples(self) -> Iterator[Sample]:
        """All of them, in the order of the dataset."""
        yield from self.first
        if len(self.first) < self.n_samples:
            yield from islice(self.task.samples(self.split), len(self.first), self.n_samples)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    ending: Ending
    reason: str | None
    n_failed: int


@dataclass(frozen=True, slots=True)
class Work:
    """One sample in one epoch, and its reply where an earlier process already got it."""

    index: int
    epoch: int
    sample: Sample
    response: ModelResponse | None
    prompt: Prompt | None = None
    """What the reply is to; None: what the task asks."""
    failure: Failure | None = None
    """Why there is no reply, where nobody is to be asked for it."""


Evaluate = Callable[[Job, Work], Awaitable[SampleResult]]


async def run(
    job: Job,
    storage: MetricsStorage,
    *,
    observers: Sequence[Observer] = (),
    stop: asyncio.Event | None = None,
) -> Outcome:
    """Evaluate what of `job` has no result yet, and store it.

    Args:
        job: the run; its row is already in `storage`.
        storage: where replies and results go. A reply is durable before it is scored.
        observers: told of every finished sample, in the order of finishing.
        stop: set it to start nothing new and drain what is in flight.

    Raises:
        StoreError: results cannot be written; all that was committed stays.
    """
    async with storage.writer(job.run_id) as writer, ScoringPool() as pool:
        engine = _Engine(job, storage, writer, pool, observers, stop or asyncio.Event())
        try:
            with fewer_collections():
                async with asyncio.TaskGroup() as group:
                    for _ in range(job.workers):
                        group.create_task(engine.work_off())
        except ExceptionGroup as errors:
            raise _cause(errors) from errors
    return engine.outcome()


def _cause(errors: ExceptionGroup[Exception]) -> Exception:
    """What to tell of all that the workers met: a full disk meets each of them."""
    first = errors.exceptions[0]
    return _cause(first) if isinstance(first, ExceptionGroup) else first


class _Engine:
    """What the workers of one run share."""

    def __init__(
        self,
        job: Job,
        storage: MetricsStorage,
        writer: RunWriter,
        pool: ScoringPool,
        observers: Sequence[Observer],
        stop: asyncio.Event,
    ) -> None:
        self._job = job
        self._writer = writer
        self._pool = pool
        self._observers = observers
        self._stop = stop
        self._work = job.remaining() if job.remaining else _remaining(job, storage)
        self._ending: Ending = "finished"
        self._reason: str | None = None
        self._n_failed = 0
        self._fingerprint = job.model.fingerprint
        self._has_judges = bool(bound_judges(job.task))
        around = job.around
        self._evaluated: Evaluate = around(self._evaluate) if around else self._evaluate

    async def work_off(self) -> None:
        """Take samples until there are none left or the run is told to stop."""
        while not self._stop.is_set() and (work := next(self._work, None)) is not None:
            try:
                result = await self._evaluated(self._job, work)
            except StoppedError:
                return self._end("interrupted", None)
            except BudgetExceededError as exc:
                return self._end("budget", str(exc))
            except ProviderError as exc:
                return self._end("fatal", str(exc))
            await self._keep(result)
            if work.response is not None and self._has_judges:
                # Whose reply was new has waited for the disk. Here a verdict is all that was paid
                # for: before the next one, it is durable.
                await self._writer.flush()
        return None

    def outcome(self) -> Outcome:
        """How it ended, once all workers are back."""
        if self._stop.is_set() and next(self._work, None) is not None:
            self._end("interrupted", None)
        return Outcome(self._ending, self._reason, self._n_failed)

    async def _evaluate(self, job: Job, work: Work) -> SampleResult:
        sample = work.sample
        ASKING.set((job.run_id, work.index, work.epoch))
        prompt = job.task.prompt(sample) if work.prompt is None else work.prompt
        if work.failure is not None:
            return SampleResult(work.index, work.epoch, sample, prompt, failure=work.failure)
        try:
            response = work.response or await self._ask(job, work, prompt)
        except ProviderError as exc:
            if exc.fatal:  # no other sample can succeed either: this one is not done, not failed
                raise
            failure = Failure(exc.stage, exc.code, str(exc), exc.status)
            return SampleResult(work.index, work.epoch, sample, prompt, failure=failure)
        graded = await grade(job.task, sample, response, self._pool)
        return SampleResult(
            work.index,
            work.epoch,
            sample,
            prompt,
            response,
            graded.answer,
            graded.parse_error,
            graded.scores,
        )

    async def _ask(self, job: Job, work: Work, prompt: Prompt) -> ModelResponse:
        """The model's reply, durable."""
        model, epoch = job.model, work.epoch
        sampling = _sampling(job, work.sample, epoch)
        with boundary(ProviderError, f"model {model.name!r}"):
            response = await model.generate(prompt, sampling, repeat=epoch)
        key = request_key(self._fingerprint, prompt, sampling, epoch)
        await self._writer.put_response(work.index, epoch, work.sample, prompt, response, key)
        return response

    async def _keep(self, result: SampleResult) -> None:
        await self._writer.put_result(result)
        self._n_failed += result.failure is not None
        for observer in self._observers:
            observer.on_result(result)

    def _end(self, ending: Ending, reason: str | None) -> None:
        """Start nothing new; the first cause is the one that is told."""
        if self._ending == "finished":
            self._ending, self._reason = ending, reason
        self._stop.set()


def _remaining(job: Job, storage: MetricsStorage) -> Iterator[Work]:
    done = bytearray(job.n_samples * job.epochs)
    for index, epoch in storage.done(job.run_id):
        done[index * job.epochs + epoch] = 1
    pending = {(i, e): response for i, e, response in storage.pending_responses(job.run_id)}
    for index, sample in enumerate(job.samples()):
        for epoch in range(job.epochs):
            if not done[index * job.epochs + epoch]:
                yield Work(index, epoch, sample, pending.pop((index, epoch), None))


def _sampling(job: Job, sample: Sample, epoch: int) -> Sampling:
    """The run's sampling for this sample: another seed each epoch, its own schema."""
    sampling = job.sampling
    if sampling.seed is not None and epoch:
        sampling = replace(sampling, seed=sampling.seed + epoch)
    if job.constrain:
        sampling = replace(sampling, json_schema=job.task.json_schema(sample))
    return sampling
