"""One call from names to numbers: build, check, run, collect.

>>> from llm_eval import evaluate
>>> result = evaluate("qa", "local/smollm2-135m", limit=20)
>>> result.metrics["exact_match"].value
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from llm_eval.config import load_models, parse_spec
from llm_eval.errors import ConfigError
from llm_eval.event_loop import in_own_loop
from llm_eval.judging import Preparations, add_judges, judge_blocks, make_ready
from llm_eval.metrics.collector import MetricSummary, RunSummary, collect
from llm_eval.metrics.storage import MetricsStorage, new_run_id
from llm_eval.models.base import BaseModel
from llm_eval.models.budget import Budget
from llm_eval.models.build import build_model
from llm_eval.models.limiting import Limiter, Limiting
from llm_eval.models.pricing import price_of
from llm_eval.observability.tracer import tracer_from_environment
from llm_eval.recipe import DatasetScan, check_resumable, recipe, scan
from llm_eval.runner import DEFAULT_CONCURRENCY, Job, Observer, Outcome, run
from llm_eval.scorers.canaries import PREPARED
from llm_eval.scorers.judge_models import Tally
from llm_eval.specs import Limits, Price
from llm_eval.tasks.base import Task
from llm_eval.tasks.build import build_task
from llm_eval.tracing import traced, traced_canaries
from llm_eval.types import RunInfo, RunStatus, SampleResult, Sampling

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One run, as asked for: names and options, before anything is built."""

    task: str
    model: str
    judge_model: str | None = None
    rubric: str | None = None
    """What the judge grades by: a preset or a path; None: what suits the task."""
    judge_samples: int | None = None
    """Draws of each judge, for its consistency with itself."""
    judge_panel: Literal["mean", "median", "majority"] | None = None
    """How several judges decide; None: by the mean."""
    split: str = "test"
    limit: int | None = None
    epochs: int = 1
    seed: int = 0
    concurrency: int | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    constrain: bool = False
    """Hold each reply to its sample's JSON Schema, where the endpoint can."""
    cache: bool = True
    max_cost_usd: float | None = None
    max_tokens_total: int | None = None
    max_time_s: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse numbers that make no run.

        Raises:
            ConfigError: names the option and its value.
        """
        for name in ("limit", "epochs", "concurrency", "max_tokens", "judge_samples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name} must be at least 1, got {value}")
        if self.temperature is not None and self.temperature < 0:
            raise ConfigError(f"temperature must not be negative, got {self.temperature}")

    @property
    def judge_asking(self) -> dict[str, Any]:
        """Options of the judge that were given."""
        given = {"samples": self.judge_samples, "panel": self.judge_panel}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run that ended: its numbers, and its rows where they are stored."""

    run_id: str
    outcome: Outcome
    summary: RunSummary
    storage: MetricsStorage = field(repr=False)

    @property
    def status(self) -> RunStatus:
        """How far it got: complete, incomplete or interrupted."""
        return self.summary.status

    @property
    def metrics(self) -> Mapping[str, MetricSummary]:
        """Headline value, interval and counts of each metric."""
        return self.summary.metrics

    def results(self, *, failures: bool = False) -> Iterator[SampleResult]:
        """Every sample's result in dataset order, read from the store as it is consumed."""
        return self.storage.results(self.run_id, failures=failures)

    def rows(self) -> Iterator[dict[str, Any]]:
        """One flat row a sample: ids, slice, status, reply, answer, a column for each metric."""
        for result in self.results():
            yield _row(result)

    def to_pandas(self) -> "pd.DataFrame":
        """`rows()` as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def to_polars(self) -> "pl.DataFrame":
        """`rows()` as a polars frame."""
        import polars as pl

        return pl.DataFrame(list(self.rows()), infer_schema_length=None)


def evaluate(
    task: str | Task,
    model: str | BaseModel,
    *,
    db: str | MetricsStorage | None = None,
    observers: Sequence[Observer] = (),
    **options: Any,
) -> Evaluation:
    """Evaluate one model on one task and store the run.

    Works inside a running event loop too (a notebook): the run gets a loop of its own.

    Args:
        task: `json`, `qa`, a registered name, the path of a task YAML, or a `Task`.
        model: a name in models.yaml, `provider/model`, or a `BaseModel`.
        db: database URL or an open storage; default `$LLM_EVAL_DB`, else
            `sqlite:///.llm_eval/runs.db`.
        observers: told of every finished sample.
        **options: the fields of `Request`: split, limit, epochs, seed, concurrency, …

    Raises:
        ConfigError: something cannot be used; nothing was spent.
        DatasetError: a row cannot be read; nothing was spent.
        StoreError: the database cannot be written.
    """
    request = Request(
        task=task if isinstance(task, str) else task.name,
        model=model if isinstance(model, str) else model.name,
        **options,
    )
    storage = db if isinstance(db, MetricsStorage) else MetricsStorage(db)
    built = Built(
        task=task if isinstance(task, Task) else None,
        model=model if isinstance(model, BaseModel) else None,
    )
    plan = prepare(request, storage, built)
    return in_own_loop(lambda: execute_plan(plan, storage, observers=observers))


@dataclass(frozen=True, slots=True)
class Built:
    """Parts that the caller made; what is None is built from the request's names."""

    task: Task | None = None
    model: BaseModel | None = None


async def execute_plan(
    plan: "Plan",
    storage: MetricsStorage,
    *,
    observers: Sequence[Observer] = (),
    stop: asyncio.Event | None = None,
    resume: RunInfo | None = None,
) -> Evaluation:
    """Run `plan`, or go on with the run `resume` that was started from the same request."""
    stop = stop or asyncio.Event()
    passing = asyncio.create_task(_pass_on(stop, plan.budget))
    tracer = tracer_from_environment()
    models = {id(model): model for model in (plan.model, *(j.inner for j in plan.judges))}
    try:
        for model in models.values():
            await model.start()
        recipe_so_far = resume.recipe if resume else None
        task, prepared = await make_ready(
            plan.task,
            plan.request.split,
            recipe=recipe_so_far,
            watch=traced_canaries(plan.task.name, tracer),
        )
        plan = replace(plan, task=task)
        info = _reopen(resume, plan, storage) if resume else _open(plan, storage, prepared)
        started = perf_counter()
        with traced(plan.job(info.run_id), info, tracer) as job:
            outcome = await run(job, storage, observers=observers, stop=stop)
        blocks = _judged(plan, info, storage, prepared)
        return _close(info, outcome, storage, perf_counter() - started, blocks)
    finally:
        passing.cancel()
        for model in models.values():
            await model.aclose()
        if tracer is not None:
            tracer.close()


async def _pass_on(stop: asyncio.Event, budget: Budget) -> None:
    """Whoever waits before a call is told to stop, too."""
    await stop.wait()
    budget.stop()


def resume_request(info: RunInfo) -> Request:
    """The request that a stored run was started from.

    Raises:
        ConfigError: the run was started from objects in Python, which no name can rebuild.
    """
    stored = info.recipe.get("request")
    if stored is None:
        raise ConfigError(
            f"run {info.run_id} was started from Python objects; resume it from Python"
        )
    return msgspec.convert(stored, Request)


@dataclass(frozen=True, slots=True)
class Plan:
    """A request whose parts are built and whose rows are read: nothing is spent yet."""

    request: Request
    task: Task
    model: BaseModel
    sampling: Sampling
    dataset: DatasetScan
    price: Price | None
    """None where it is unknown."""
    rebuildable: bool
    judges: tuple[Tally, ...] = ()
    budget: Budget = field(default_factory=Budget)
    """What all models of the run share."""

    @property
    def n_total(self) -> int:
        """Samples × epochs."""
        return self.dataset.n * self.request.epochs

    @property
    def recipe(self) -> dict[str, Any]:
        """The run's recipe; with the request where names suffice to run it again."""
        request = self.request
        built = recipe(
            self.task,
            self.model,
            self.sampling,
            self.dataset,
            split=request.split,
            epochs=request.epochs,
            seed=request.seed,
            constrain=request.constrain,
        )
        if self.rebuildable:
            built["request"] = msgspec.to_builtins(request)
        return built

    def job(self, run_id: str) -> Job:
        """What the engine runs."""
        request = self.request
        return Job(
            run_id,
            self.task,
            self.model,
            self.sampling,
            request.split,
            self.dataset.n,
            request.epochs,
            request.constrain,
            self.model.max_concurrency or request.concurrency or DEFAULT_CONCURRENCY,
            first=self.dataset.first,
        )


def prepare(request: Request, storage: MetricsStorage, built: Built = Built()) -> Plan:
    """Build every part of `request` and read its rows once.

    Raises:
        ConfigError: a name, file or setting cannot be used.
        DatasetError: a row or its prompt cannot be made.
    """
    task = built.task or build_task(request.task)
    model, price, overrides = built.model, None, {}
    budget = Budget(request.max_cost_usd, request.max_tokens_total, request.max_time_s)
    cache = storage.cache() if request.cache else None
    if model is None:
        spec = parse_spec(request.model, load_models())
        if request.concurrency:
            spec = replace(spec, limits=replace(spec.limits, concurrency=request.concurrency))
        model = build_model(spec, cache=cache, budget=budget)
        price, overrides = price_of(spec), dict(spec.sampling)
    elif model.max_concurrency is None:  # nobody bounds the calls of a model made in Python
        most = request.concurrency or DEFAULT_CONCURRENCY
        model = Limiting(model, Limiter(Limits(concurrency=most), wait=budget.wait))
    sampling = _sampling(task.sampling, overrides, request)
    dataset = scan(task, request.split, request.limit)
    task, judges = add_judges(
        task,
        judge_model=request.judge_model,
        rubric=request.rubric,
        asking=request.judge_asking,
        cache=cache,
        budget=budget,
        known={request.model: model},
    )
    return Plan(request, task, model, sampling, dataset, price, built == Built(), judges, budget)


def _sampling(task: Sampling, model: Mapping[str, Any], request: Request) -> Sampling:
    """The task's sampling, overridden by the model's configuration, then by the request."""
    try:
        sampling = replace(task, **model)
    except TypeError as exc:
        raise ConfigError(f"model {request.model!r}: sampling: {exc}") from exc
    if request.temperature is not None:
        sampling = replace(sampling, temperature=request.temperature)
    if request.max_tokens is not None:
        sampling = replace(sampling, max_tokens=request.max_tokens)
    if sampling.temperature > 0 and sampling.seed is None:
        sampling = replace(sampling, seed=request.seed)
    return sampling


def _open(plan: Plan, storage: MetricsStorage, prepared: Preparations) -> RunInfo:
    now = datetime.now(UTC)
    judges = {PREPARED: msgspec.to_builtins(prepared)} if prepared else {}
    info = RunInfo(
        run_id=new_run_id(now),
        task=plan.request.task,
        model=plan.request.model,
        created_at=now.isoformat(timespec="seconds"),
        recipe=plan.recipe | judges,
        n_total=plan.n_total,
        tags=plan.request.tags,
    )
    storage.create_run(info)
    return info


def _reopen(info: RunInfo, plan: Plan, storage: MetricsStorage) -> RunInfo:
    check_resumable(info.run_id, info.recipe, plan.recipe)
    storage.update_run(info.run_id, status="running")
    return info


def _judged(
    plan: Plan, info: RunInfo, storage: MetricsStorage, prepared: Preparations
) -> list[dict[str, Any]]:
    """What the summary says of the run's judges; nothing is read where there are none."""
    if not plan.judges:
        return []
    return judge_blocks(plan.task, storage.results(info.run_id), info.model, prepared)


def _close(
    info: RunInfo,
    outcome: Outcome,
    storage: MetricsStorage,
    wall_s: float,
    judge: Sequence[Mapping[str, Any]] = (),
) -> Evaluation:
    storage.update_run(
        info.run_id,
        status=_status(outcome),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    summary = replace(collect(storage, info.run_id, wall_s=wall_s), judge=judge)
    storage.update_run(info.run_id, summary=summary.to_dict())
    return Evaluation(info.run_id, outcome, summary, storage)


def _status(outcome: Outcome) -> RunStatus:
    if outcome.ending == "interrupted":
        return "interrupted"
    if outcome.ending == "finished" and outcome.n_failed == 0:
        return "complete"
    return "incomplete"


def _row(result: SampleResult) -> dict[str, Any]:
    sample, response = result.sample, result.response
    return {
        "index": result.index,
        "epoch": result.epoch,
        "sample_id": sample.id,
        "slice": sample.slice,
        "status": result.status,
        "expected": msgspec.json.encode(sample.target).decode(),
        "reply": response.text if response else None,
        "parse_error": result.parse_error,
        "error": result.failure.message if result.failure else None,
        "latency_s": response.latency_s if response else None,
        "cost_usd": response.cost_usd if response else None,
        **{score.metric: getattr(score, "value", None) for score in result.scores},
    }
