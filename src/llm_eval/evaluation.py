"""One call from names to numbers: build, check, run, collect.

>>> from llm_eval import evaluate
>>> result = evaluate("qa", "local/smollm2-135m", limit=20)
>>> result.metrics["exact_match"].value
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from llm_eval.config import load_models, parse_spec
from llm_eval.errors import ConfigError
from llm_eval.event_loop import in_own_loop
from llm_eval.execution import Evaluation, execute_plan
from llm_eval.judging import add_judges
from llm_eval.metrics.storage import MetricsStorage, new_run_id
from llm_eval.models.base import BaseModel
from llm_eval.models.budget import Budget
from llm_eval.models.build import build_model
from llm_eval.models.limiting import Limiter, Limiting
from llm_eval.models.pricing import price_of
from llm_eval.recipe import DatasetScan, recipe, scan
from llm_eval.runner import DEFAULT_CONCURRENCY, Job, Observer
from llm_eval.scorers.judge_models import Tally
from llm_eval.specs import Limits, Price
from llm_eval.tasks.base import Task
from llm_eval.tasks.build import build_task
from llm_eval.types import RunInfo, Sampling


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


def resume_request(info: RunInfo) -> Request:
    """The request that a stored run was started from.

    Raises:
        ConfigError: it was started from objects in Python, which no name can rebuild, or it is a
            rescoring, which has a command of its own.
    """
    if "rescoring" in info.recipe:
        raise ConfigError(
            f"run {info.run_id} scores the replies of {info.recipe['parent']} again; go on with: "
            f"llm-eval rescore --resume {info.run_id}"
        )
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
    """The candidate."""
    sampling: Sampling
    dataset: DatasetScan
    price: Price | None
    """None where it is unknown."""
    rebuildable: bool
    judges: tuple[Tally, ...] = ()
    budget: Budget = field(default_factory=Budget)
    """What all models of the run share."""

    @property
    def task_spec(self) -> str:
        """The task as it was named."""
        return self.request.task

    @property
    def model_spec(self) -> str:
        """The candidate as it was named."""
        return self.request.model

    @property
    def models(self) -> Sequence[BaseModel]:
        """The candidate and its judges."""
        return (self.model, *(judge.inner for judge in self.judges))

    @property
    def split(self) -> str:
        """Where samples come from."""
        return self.request.split

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

    def with_task(self, task: Task) -> "Plan":
        """The same with another task, such as one whose judges are settled."""
        return replace(self, task=task)

    def new_run(self) -> RunInfo:
        """The run, before it is stored."""
        now = datetime.now(UTC)
        return RunInfo(
            run_id=new_run_id(now),
            task=self.request.task,
            model=self.request.model,
            created_at=now.isoformat(timespec="seconds"),
            recipe=self.recipe,
            n_total=self.n_total,
            tags=self.request.tags,
        )

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
    if built.task is None:  # one made in Python need not declare its splits
        task.check_split(request.split)
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
