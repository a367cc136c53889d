"""Somebody sets the clock while a run goes on: an hour forth and an hour back."""

import itertools
import time

import pytest

from llm_eval import evaluate
from llm_eval.errors import ProviderError
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.limiting import Limiter, Limiting
from llm_eval.models.retrying import Retrying
from llm_eval.specs import Limits
from llm_eval.testing import Call, Faults, ScriptedModel, StubServer
from llm_eval.types import ModelResponse
from tests.test_runner import Numbers, echo


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_time_outs_and_durations_do_not_follow_it(
    seconds: float, storage: MetricsStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, jumps = time.time, itertools.count()

    def fault(call: Call) -> ProviderError | None:
        if call.number % 5:
            return None
        return ProviderError("later", code="server_error", retryable=True, retry_after_s=0.05)

    monkeypatch.setattr(time, "time", lambda: real() + seconds * next(jumps))
    limits = Limits(concurrency=8, deadline_s=60, max_attempts=20)
    asked = ScriptedModel(echo, latency_s=0.005, fault=fault)
    model = Retrying(Limiting(asked, Limiter(limits)), limits)
    started = time.monotonic()
    done = evaluate(Numbers(n=30), model, db=storage)
    assert (done.status, done.summary.n_scored) == ("complete", 30)
    assert 0 < done.summary.wall_s <= time.monotonic() - started


@pytest.mark.parametrize("year", [2016, 2036])
def test_a_provider_whose_clock_is_years_off_is_not_waited_for_so_long(
    year: int, storage: MetricsStorage
) -> None:
    """It says when it may be asked again; by its own clock that is in a second."""
    headers = {
        "date": f"Tue, 14 Jul {year} 12:00:00 GMT",
        "retry-after": f"Tue, 14 Jul {year} 12:00:01 GMT",
    }
    with StubServer(faults=Faults(script=["429"]), headers=headers).in_thread() as server:
        started = time.monotonic()
        done = evaluate("qa", f"openai/m@{server.url}", limit=3, db=storage)
    assert (done.status, done.summary.n_failed) == ("complete", 0)
    assert 1 <= time.monotonic() - started < 20


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
async def test_what_was_cached_by_another_clock_is_found_and_never_of_the_future(
    seconds: float, storage: MetricsStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, cache = time.time, storage.cache()
    cache.put("k", ModelResponse("text", "m"))
    monkeypatch.setattr(time, "time", lambda: real() + seconds)
    assert await cache.get("k", max_age_s=None) is not None
    aged = await cache.get("k", max_age_s=60.0)
    assert (aged is None) == (seconds > 60)  # asked again at worst; nobody waits
    assert cache.stats()["newest_s"] >= 0
