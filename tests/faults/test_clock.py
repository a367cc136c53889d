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
from llm_eval.testing import Call, ScriptedModel
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
