"""A whole run in virtual time, with everything that can go wrong drawn from one seed.

The engine, the limiter, the retries, the breaker and the cache are the real ones. The endpoint and
the disk are simulated, and outlive the process: what was not committed when it dies is lost.
Minutes of outages pass in milliseconds, and the same seed gives the same run.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import looptime

from llm_eval.errors import ProviderError, StoreError
from llm_eval.models.base import BaseModel
from llm_eval.models.budget import Budget, Metered
from llm_eval.models.caching import Caching, hit
from llm_eval.models.limiting import Limiter, Limiting
from llm_eval.models.retrying import Endpoint, Retrying
from llm_eval.runner import Job, Outcome, run
from llm_eval.specs import Limits, Price
from llm_eval.types import ModelResponse, Prompt, Sample, SampleResult, Sampling, Usage
from tests.test_runner import Numbers

Place = tuple[int, int]
CODES = ("server_error", "connection", "truncated", "bad_reply", "first_byte_timeout")


class VirtualTimeLoop(looptime.LoopTimeEventLoop, asyncio.SelectorEventLoop):
    """Time jumps to the next thing that is due."""


@dataclass
class Scenario:
    """What a seed stands for."""

    seed: int

    def __post_init__(self) -> None:
        draw = random.Random(self.seed)
        self.n = draw.randint(1, 40)
        self.epochs = draw.choice([1, 1, 1, 2])
        self.limits = Limits(
            concurrency=draw.choice([1, 2, 5, 16, 64]),
            max_attempts=draw.choice([3, 8, 50]),
            deadline_s=draw.choice([30.0, 600.0]),
            requests_per_minute=draw.choice([None, None, 120.0]),
            tokens_per_minute=draw.choice([None, None, 50_000.0]),
        )
        self.fault_share = draw.choice([0.0, 0.1, 0.3, 0.6])
        self.retry_after_s = draw.choice([None, 0.5, 7.0])
        self.outages = [
            (start, start + draw.expovariate(1 / 20))
            for start in (draw.uniform(0, 60) for _ in range(draw.choice([0, 0, 1, 3])))
        ]
        self.lives = draw.choice([0, 0, 1, 2, 5])
        """How often the process dies; then it may live."""
        self.full_disks = draw.choice([0, 0, 0, 1])
        self.stops = draw.choice([0, 0, 1])
        self.same_prompts = draw.choice([False, False, True])
        self.slow_commits = draw.choice([0.001, 0.05, 2.0])


@dataclass
class Asked:
    """One call that the endpoint saw."""

    prompt: str
    repeat: int
    started: float
    text: str | None = None
    """Where a complete reply was sent."""


@dataclass
class World:
    """What outlives the process: the endpoint's memory, and the disk."""

    scenario: Scenario
    draw: random.Random
    responses: dict[Place, ModelResponse] = field(default_factory=dict)
    results: dict[Place, SampleResult] = field(default_factory=dict)
    cache: dict[str, ModelResponse] = field(default_factory=dict)
    journal: list[Asked] = field(default_factory=list)
    closed: list[tuple[float, float]] = field(default_factory=list)
    """When the endpoint wanted nobody to ask."""
    broken: list[str] = field(default_factory=list)
    """Promises that were broken."""
    now: float = 0.0
    """Where the last process's clock stood."""


class SimulatedEndpoint(BaseModel):
    """Answers, sooner or later, and watches how it is asked."""

    name = "simulated"

    def __init__(self, world: World) -> None:
        self._world = world
        self._active = 0

    @property
    def identity(self) -> Mapping[str, Any]:
        return {"provider": "simulated"}

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        world, prompt = self._world, messages[-1].content
        now = asyncio.get_running_loop().time()
        asked = Asked(prompt, repeat, now)
        world.journal.append(asked)
        self._watch(now)
        self._active += 1
        try:
            await asyncio.sleep(world.draw.expovariate(2.0))
        finally:
            self._active -= 1
        if (error := self._fault()) is not None:
            raise error
        asked.text = f"{prompt}"
        return ModelResponse(asked.text, "simulated", usage=Usage(10, 5), latency_s=0.5)

    def _watch(self, now: float) -> None:
        world = self._world
        if self._active >= world.scenario.limits.concurrency:
            world.broken.append(f"{self._active + 1} calls at once at {now:.2f}")
        for start, end in world.closed:
            if start < now < end - 1e-5:
                world.broken.append(f"asked at {now:.2f}, closed from {start:.2f} to {end:.2f}")

    def _fault(self) -> ProviderError | None:
        world, scenario = self._world, self._world.scenario
        now = asyncio.get_running_loop().time()
        if any(start <= now < end for start, end in scenario.outages):
            return ProviderError("down", code="connection", retryable=True)
        if world.draw.random() >= scenario.fault_share:
            return None
        if world.draw.random() < 0.4:
            after = scenario.retry_after_s
            if after is not None:
                world.closed.append((now, now + after))
            code = "rate_limit"
            return ProviderError("slow down", code=code, retryable=True, retry_after_s=after)
        return ProviderError("broken", code=world.draw.choice(CODES), retryable=True)


class SimulatedDisk:
    """The store and the cache, as the engine uses them: groups are committed, in order."""

    def __init__(self, world: World, full_at: float) -> None:
        self._world = world
        self._full_at = full_at
        self._alive = True
        self._queue: list[tuple[Callable[[], None], asyncio.Future[None] | None]] = []
        self._cached: list[Callable[[], None]] = []
        self._recent: dict[str, ModelResponse] = {}
        self._committing: asyncio.Task[None] | None = None
        self._error: StoreError | None = None

    # ---- what the engine asks of a storage ----

    def writer(self, _run_id: str) -> "SimulatedDisk":
        return self

    def done(self, _run_id: str) -> Iterator[Place]:
        return (p for p, result in self._world.results.items() if result.status != "failed")

    def pending_responses(self, _run_id: str) -> Iterator[tuple[int, int, ModelResponse]]:
        for place, response in self._world.responses.items():
            result = self._world.results.get(place)
            if result is None or result.status == "failed":
                yield *place, response

    # ---- what it asks of a writer ----

    async def __aenter__(self) -> "SimulatedDisk":
        return self

    async def __aexit__(self, _kind: object, error: object, _trace: object) -> None:
        while self._queue and self._error is None and self._alive:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        if self._error is not None and error is None:
            raise self._error

    async def put_response(
        self, index: int, epoch: int, sample: Sample, prompt: Prompt, response: ModelResponse,
        request_key: str,
    ) -> None:  # fmt: skip
        durable = asyncio.get_running_loop().create_future()
        self._put(lambda: self._keep_response((index, epoch), response), durable)
        await durable

    async def put_result(self, result: SampleResult) -> None:
        self._put(lambda: self._keep_result(result), None)

    # ---- the cache ----

    async def get(self, key: str, *, max_age_s: float | None) -> ModelResponse | None:
        known = self._recent.get(key) or self._world.cache.get(key)
        return None if known is None else hit(known)

    def put(self, key: str, response: ModelResponse) -> None:
        self._recent[key] = response
        self._cached.append(lambda: self._world.cache.__setitem__(key, response))

    def die(self) -> None:
        """Nothing reaches the disk any more."""
        self._alive = False

    def _put(self, keep: Callable[[], None], durable: asyncio.Future[None] | None) -> None:
        if self._error is not None:
            raise self._error
        cached, self._cached = self._cached, []  # with its reply or not at all, as the real one

        def keep_all() -> None:
            for each in (keep, *cached):
                each()

        self._queue.append((keep_all, durable))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit())

    async def _commit(self) -> None:
        """Groups of some of what waits, each after the time that a disk takes."""
        draw, slow = self._world.draw, self._world.scenario.slow_commits
        while self._queue:
            await asyncio.sleep(draw.uniform(0, slow))
            if not self._alive:
                return
            if asyncio.get_running_loop().time() >= self._full_at:
                self._fail(StoreError("disk full"))
                return
            group = self._queue[: draw.randint(1, len(self._queue))]
            del self._queue[: len(group)]
            for keep, durable in group:
                keep()
                if durable is not None and not durable.done():
                    durable.set_result(None)

    def _fail(self, error: StoreError) -> None:
        self._error = error
        for _, durable in self._queue:
            if durable is not None and not durable.done():
                durable.set_exception(error)
                durable.exception()
        self._queue.clear()

    def _keep_response(self, place: Place, response: ModelResponse) -> None:
        self._world.responses.setdefault(place, response)

    def _keep_result(self, result: SampleResult) -> None:
        place = (result.index, result.epoch)
        before = self._world.results.get(place)
        if before is not None and before.status == "scored":
            return
        self._world.results[place] = result


@dataclass
class _Task(Numbers):
    """Numbers, or half as many twice."""

    same_prompts: bool = False

    def prompt(self, sample: Sample) -> Prompt:
        (message,) = super().prompt(sample)
        if not self.same_prompts:
            return (message,)
        return (type(message)("user", str(int(message.content) // 2)),)


def simulate(seed: int) -> World:
    """Live until the run is complete, through all that the seed holds; then resume once more."""
    scenario = Scenario(seed)
    world = World(scenario, random.Random(seed + 1))
    lives, disks, stops = scenario.lives, scenario.full_disks, scenario.stops
    for _ in range(200):
        outcome = live(
            world,
            dies_after=world.draw.expovariate(1 / 5) if lives > 0 else None,
            full_after=world.draw.expovariate(1 / 5) if disks > 0 else None,
            stop_after=world.draw.expovariate(1 / 5) if stops > 0 else None,
        )
        lives, disks, stops = lives - 1, disks - 1, stops - 1
        if outcome is not None and outcome.ending == "finished" and outcome.n_failed == 0:
            break
    else:
        world.broken.append("it never ends")
    n_asked = len(world.journal)
    live(world)
    if len(world.journal) != n_asked:
        world.broken.append(f"a complete run asked {len(world.journal) - n_asked} times again")
    world.broken += oracle(world)
    return world


def live(
    world: World,
    *,
    dies_after: float | None = None,
    full_after: float | None = None,
    stop_after: float | None = None,
) -> Outcome | None:
    """One process: how its run ended, or None where it died or its disk was full."""
    loop = VirtualTimeLoop(start=world.now + 1, noop_cycles=0)
    full_at = float("inf") if full_after is None else loop.time() + full_after
    disk = SimulatedDisk(world, full_at)
    stop = asyncio.Event()
    if stop_after is not None:
        loop.call_later(stop_after, stop.set)
    if dies_after is not None:
        loop.call_later(dies_after, loop.stop)
    world.closed.clear()  # a new process has not heard of it
    try:
        asyncio.set_event_loop(loop)
        outcome = loop.run_until_complete(_run(world, disk, stop))
    except (RuntimeError, StoreError):
        outcome = None
    finally:
        disk.die()
        _end(loop, world)
    return outcome


async def _run(world: World, disk: SimulatedDisk, stop: asyncio.Event) -> Outcome:
    scenario, clock = world.scenario, asyncio.get_running_loop().time
    limits = scenario.limits
    metered = Metered(SimulatedEndpoint(world), Price(input=1.0, output=2.0), Budget(clock=clock))
    limited = Limiting(metered, Limiter(limits, clock=clock))
    endpoint = Endpoint(clock=clock)
    retrying = Retrying(limited, limits, endpoint, rng=random.Random(scenario.seed))
    model = Caching(retrying, disk)
    task = _Task(n=scenario.n, same_prompts=scenario.same_prompts)
    job = Job(
        "run", task, model, Sampling(), "test", scenario.n, scenario.epochs,
        concurrency=limits.concurrency,
    )  # fmt: skip
    storage: Any = disk
    return await run(job, storage, stop=stop)


def _end(loop: asyncio.AbstractEventLoop, world: World) -> None:
    """Take what is left of the process away."""
    world.now = loop.time()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()
    asyncio.set_event_loop(None)


def oracle(world: World) -> Iterator[str]:
    """What a disturbed run lacks of an undisturbed one."""
    scenario = world.scenario
    planned = {(n, e) for n in range(scenario.n) for e in range(scenario.epochs)}
    if world.results.keys() != planned:
        yield f"{len(planned - world.results.keys())} lost"
    complete = {(asked.prompt, asked.repeat): asked.text for asked in world.journal if asked.text}
    for (_, epoch), result in world.results.items():
        said = result.response.text if result.response else None
        if said != complete.get((result.prompt[-1].content, epoch)):
            yield f"{result.sample.id}: {said!r} was never said"
    requests = Counter((r.prompt[-1].content, r.epoch) for r in world.results.values())
    hits = sum(bool(r.response and r.response.cached) for r in world.results.values())
    twins = sum(requests.values()) - len(requests)
    if hits != twins:
        yield f"{hits} replies from the cache, undisturbed {twins}"
    cost = sum((r.response.cost_usd or 0) for r in world.results.values() if r.response)
    if abs(cost - 20e-6 * len(requests)) > 1e-12:
        yield f"cost {cost}, undisturbed {20e-6 * len(requests)}"
