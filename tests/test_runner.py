"""The engine: everything is asked once, kept at once, and never asked again."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from llm_eval import evaluate, recipe
from llm_eval.errors import ConfigError, ProviderError, StoreError
from llm_eval.evaluation import Built, Plan, Request, prepare
from llm_eval.event_loop import in_own_loop
from llm_eval.execution import Evaluation, execute_plan
from llm_eval.fingerprint import identify
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.base import BaseModel
from llm_eval.models.budget import Budget, Metered
from llm_eval.models.caching import Caching
from llm_eval.scorers.base import Scorer
from llm_eval.scorers.deterministic import ExactMatch
from llm_eval.specs import Price
from llm_eval.tasks.base import Task
from llm_eval.testing import Call, ScriptedModel
from llm_eval.types import Message, ModelResponse, Prompt, Sample, SampleResult, Sampling


@dataclass
class Numbers(Task):
    """`n` questions whose answer is their number."""

    n: int = 20
    name: str = "numbers"
    scorers: tuple[Scorer, ...] = (ExactMatch(),)
    read: int = 0

    def samples(self, split: str = "test") -> Iterator[Sample]:
        for number in range(self.n):
            self.read += 1
            yield identify(self.name, str(number), {"q": number}, str(number), slice="all")

    def prompt(self, sample: Sample) -> Prompt:
        return (Message("user", str(sample.inputs["q"])),)

    def parse(self, sample: Sample, response: ModelResponse) -> str:
        return response.text

    @property
    def prompt_recipe(self) -> Mapping[str, Any]:
        return {}


def echo(messages: Prompt, sampling: Sampling, repeat: int) -> str:
    return messages[-1].content


def model(
    fault: Callable[[Call], ProviderError | None] | None = None, latency_s: float = 0.0
) -> ScriptedModel:
    return ScriptedModel(echo, fault=fault, latency_s=latency_s)


def plan_of(task: Task, asked: BaseModel, storage: MetricsStorage, **options: Any) -> Plan:
    request = Request(task=task.name, model=asked.name, **options)
    return prepare(request, storage, Built(task=task, model=asked))


async def run_again(
    run_id: str, task: Task, asked: BaseModel, storage: MetricsStorage, **options: Any
) -> Evaluation:
    plan = plan_of(task, asked, storage, **options)
    return await execute_plan(plan, storage, resume=storage.get_run(run_id))


def test_every_sample_is_asked_once_and_stored(storage: MetricsStorage) -> None:
    asked = model()
    run = evaluate(Numbers(n=50), asked, db=storage)
    assert len(asked.calls) == 50
    assert [result.sample.id for result in run.results()] == [str(n) for n in range(50)]
    assert (run.status, run.metrics["exact_match"].value) == ("complete", 1.0)


def test_concurrency_is_bounded_and_used(storage: MetricsStorage) -> None:
    asked = model(latency_s=0.01)
    evaluate(Numbers(n=100), asked, db=storage, concurrency=4)
    assert asked.most_active == 4


def test_rows_are_read_as_they_are_needed(
    storage: MetricsStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the first worker waits, at most a worker's worth of rows has been read."""
    monkeypatch.setattr(recipe, "KEPT_SAMPLES", 0)
    task = Numbers(n=10_000)
    first: list[int] = []

    def watch(call: Call) -> ProviderError | None:
        if not first:
            first.append(task.read - task.n)  # one whole pass was the scan
        return None

    evaluate(task, model(watch), db=storage, concurrency=8)
    assert first[0] <= 8 * 4 + 8


def test_rows_of_a_small_dataset_are_read_once(storage: MetricsStorage) -> None:
    task = Numbers(n=50)
    evaluate(task, model(), db=storage, epochs=2)
    assert task.read == 50


@pytest.mark.parametrize(("samples", "n_bytes"), [(7, 1 << 20), (1000, 7 * len('[{"q":0},"0"]'))])
def test_of_a_large_dataset_only_the_first_rows_are_kept(
    storage: MetricsStorage, monkeypatch: pytest.MonkeyPatch, samples: int, n_bytes: int
) -> None:
    """Seven, by their number or by their size; the run reads the others when it gets there."""
    monkeypatch.setattr(recipe, "KEPT_SAMPLES", samples)
    monkeypatch.setattr(recipe, "KEPT_BYTES", n_bytes)
    task = Numbers(n=50)
    plan = plan_of(task, model(), storage)
    assert [sample.id for sample in plan.dataset.first] == [str(n) for n in range(7)]
    run = evaluate(task, model(), db=storage)
    assert [result.sample.id for result in run.results()] == [str(n) for n in range(50)]
    assert task.read == 3 * 50  # the plan's pass, and two of the run


def test_a_failed_sample_counts_as_worst_and_stays_visible(storage: MetricsStorage) -> None:
    run = evaluate(
        Numbers(n=10),
        model(lambda call: ProviderError("down", code="timeout") if call.number < 3 else None),
        db=storage,
    )
    metric = run.metrics["exact_match"]
    assert run.status == "incomplete"
    assert (metric.value, metric.value_scored_only) == (0.7, 1.0)
    assert (metric.n, metric.n_scored, metric.n_failed) == (10, 7, 3)
    failed = [r for r in run.results(failures=True) if r.failure]
    assert {r.failure.code for r in failed if r.failure} == {"timeout"}


def test_a_model_that_crashes_fails_its_sample_not_the_run(storage: MetricsStorage) -> None:
    def crash(messages: Prompt, sampling: Sampling, repeat: int) -> str:
        if messages[-1].content == "3":
            raise ZeroDivisionError("in somebody's plugin")
        return messages[-1].content

    run = evaluate(Numbers(n=10), ScriptedModel(crash), db=storage)
    (failed,) = run.results(failures=True)
    assert failed.failure is not None
    assert "ZeroDivisionError: in somebody's plugin" in failed.failure.message
    assert run.metrics["exact_match"].n_failed == 1


async def test_resume_asks_only_for_what_failed(storage: MetricsStorage) -> None:
    task = Numbers(n=10)
    broken = model(lambda call: ProviderError("down") if call.number < 3 else None)
    first = await execute_plan(plan_of(task, broken, storage), storage)
    healthy = model()
    second = await run_again(first.run_id, task, healthy, storage)
    assert len(healthy.calls) == 3
    assert (second.run_id, second.status) == (first.run_id, "complete")
    assert second.metrics["exact_match"].value == 1.0


async def test_a_complete_run_resumed_asks_nothing(storage: MetricsStorage) -> None:
    task, asked = Numbers(n=10), model()
    first = await execute_plan(plan_of(task, asked, storage), storage)
    await run_again(first.run_id, task, asked, storage)
    assert len(asked.calls) == 10


async def test_a_stop_drains_and_the_rest_can_be_resumed(storage: MetricsStorage) -> None:
    task, stop = Numbers(n=200), asyncio.Event()
    asked = model(latency_s=0.001)

    class StopAfterTen:
        seen = 0

        def on_result(self, result: SampleResult) -> None:
            self.seen += 1
            if self.seen == 10:
                stop.set()

    plan = plan_of(task, asked, storage, concurrency=2)
    first = await execute_plan(plan, storage, stop=stop, observers=[StopAfterTen()])
    assert first.status == "interrupted"
    done = len(list(storage.done(first.run_id)))
    assert 10 <= done < 200
    assert len(asked.calls) == done  # what was in flight was kept
    second = await run_again(first.run_id, task, asked, storage, concurrency=2)
    assert (second.status, len(asked.calls)) == ("complete", 200)


async def test_a_cancelled_run_keeps_its_replies(storage: MetricsStorage) -> None:
    task, asked = Numbers(n=500), model(latency_s=0.002)
    running = asyncio.create_task(
        execute_plan(plan_of(task, asked, storage, concurrency=4), storage)
    )
    while len(asked.calls) < 100:  # noqa: ASYNC110 - the model has no event to wait for
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    run_id = storage.get_run("latest").run_id
    before = len(asked.calls)
    second = await run_again(run_id, task, asked, storage, concurrency=4)
    assert second.status == "complete"
    assert len(asked.calls) - before >= 500 - before
    assert len(asked.calls) <= 500 + 4  # at most what was in flight is asked again


async def test_a_fatal_error_stops_the_run_and_leaves_samples_undone(
    storage: MetricsStorage,
) -> None:
    task = Numbers(n=100)
    asked = model(lambda call: ProviderError("wrong key", code="auth", fatal=True))
    first = await execute_plan(plan_of(task, asked, storage), storage)
    assert first.status == "incomplete"
    assert first.outcome.reason is not None
    assert "wrong key" in first.outcome.reason
    assert len(asked.calls) <= 100
    assert list(storage.done(first.run_id)) == []
    second = await run_again(first.run_id, task, model(), storage)
    assert second.status == "complete"


async def test_a_budget_stops_the_run_and_it_can_go_on(storage: MetricsStorage) -> None:
    task = Numbers(n=100)
    priced = Metered(model(), Price(input=1e6, output=0), Budget(max_cost_usd=10))  # 1 $ a call
    first = await execute_plan(plan_of(task, priced, storage, concurrency=1), storage)
    assert first.status == "incomplete"
    assert first.outcome.reason is not None
    assert "cost limit reached" in first.outcome.reason
    assert 10 <= len(list(storage.done(first.run_id))) <= 20
    second = await run_again(first.run_id, task, model(), storage)
    assert second.status == "complete"


async def test_a_changed_task_cannot_go_on_under_the_same_run(storage: MetricsStorage) -> None:
    asked = model()
    first = await execute_plan(plan_of(Numbers(n=10), asked, storage), storage)
    with pytest.raises(ConfigError, match=r"cannot be resumed: .*n_samples"):
        await run_again(first.run_id, Numbers(n=11), asked, storage)


def test_the_second_run_comes_from_the_cache(storage: MetricsStorage) -> None:
    inner = model()
    for _ in range(2):
        run = evaluate(Numbers(n=30), Caching(inner, storage.cache()), db=storage)
    assert len(inner.calls) == 30
    assert run.summary.cache_hits == 30


def test_epochs_are_asked_apart_and_reported_as_clusters(storage: MetricsStorage) -> None:
    def reply(messages: Prompt, sampling: Sampling, repeat: int) -> str:
        question = messages[-1].content
        return question if repeat or question == "0" else "no"

    asked = ScriptedModel(reply)
    run = evaluate(Numbers(n=10), asked, db=storage, epochs=4)
    assert len(asked.calls) == 40
    metric = run.metrics["exact_match"]
    assert (metric.value, metric.method) == (0.775, "cluster t")
    assert run.metrics["exact_match_pass@4"].value == 1.0
    assert run.metrics["exact_match_pass^4"].value == 0.1
    assert run.metrics["exact_match_majority"].value == 1.0


def test_the_same_replies_give_the_same_numbers_whatever_the_order(
    storage: MetricsStorage,
) -> None:
    def jitter(call: Call) -> float:
        return (int(call.messages[-1].content) * 7919 % 13) / 2000

    def half(messages: Prompt, sampling: Sampling, repeat: int) -> str:
        number = int(messages[-1].content)
        return str(number if number % 3 else "no")

    runs = [
        evaluate(Numbers(n=60), ScriptedModel(half, latency_s=latency), db=storage, concurrency=c)
        for c, latency in ((1, 0.0), (16, jitter))
    ]
    timing = ("run_id", "wall_s", "samples_per_s", "latency_s")
    first, second = (
        {k: v for k, v in run.summary.to_dict().items() if k not in timing} for run in runs
    )
    assert first == second


def test_rows_are_a_flat_table(storage: MetricsStorage) -> None:
    run = evaluate(Numbers(n=3), model(), db=storage)
    frame = run.to_pandas()
    assert list(frame["exact_match"]) == [1.0, 1.0, 1.0]
    assert run.to_polars().shape == frame.shape


async def test_it_works_inside_a_running_event_loop(storage: MetricsStorage) -> None:
    """A notebook has one."""
    assert evaluate(Numbers(n=3), model(), db=storage).status == "complete"


def test_a_full_disk_stops_the_run_and_it_goes_on_when_there_is_space(tmp_path: Path) -> None:
    """SQLite's own limit stands for the disk's: the same error, the same recovery."""
    url = f"sqlite:///{tmp_path}/runs.db"
    asked = model()
    with MetricsStorage(url) as full:
        event.listen(full._engine, "connect", lambda c, _: c.execute("PRAGMA max_page_count=200"))
        full._engine.dispose()
        with pytest.raises(StoreError, match="free some space"):
            evaluate(Numbers(n=2000), asked, db=full)
    with MetricsStorage(url) as storage:
        run_id = storage.get_run("latest").run_id
        assert storage.check() == []
        done = len(list(storage.done(run_id)))
        assert 0 < done < 2000
        task = Numbers(n=2000)
        plan = plan_of(task, asked, storage)
        resumed = storage.get_run(run_id)
        finished = in_own_loop(lambda: execute_plan(plan, storage, resume=resumed))
        assert finished.status == "complete"
        assert [result.index for result in finished.results()] == list(range(2000))
