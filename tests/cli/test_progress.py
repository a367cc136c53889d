"""The progress line: what is done, how fast, of how much."""

import pytest

from llm_eval.cli import progress
from llm_eval.cli.progress import Progress
from llm_eval.evaluation import Built, Request, prepare
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.testing import ScriptedModel
from llm_eval.types import ModelResponse, Sample, SampleResult, Usage


def test_a_resumed_run_goes_on_counting_and_its_rate_is_of_what_is_new(
    storage: MetricsStorage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(progress, "monotonic", lambda: now)
    request = Request(task="qa", model="m", limit=10)
    plan = prepare(request, storage, Built(model=ScriptedModel(["x"], name="m")))
    response = ModelResponse("x", "m", usage=Usage(3, 1))
    with Progress(plan, n_kept=6) as shown:
        for index in (6, 7):
            now += 20.0
            shown.on_result(SampleResult(index, 0, Sample("k", "s", {}, "x"), (), response))
    assert capsys.readouterr().err == "qa · m: 8/10, 0.1/s · 8 tokens\n"
