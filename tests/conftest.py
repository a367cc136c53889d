"""Fixtures that many tests share."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from llm_eval.errors import ConfigError
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models import embedded
from llm_eval.testing import StubServer

# How long an example takes is no claim of a property, and others may use the machine.
settings.register_profile("llm-eval", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("llm-eval")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own settings or keys leaks into a test."""
    for name in list(os.environ):
        if name.startswith(("LLM_EVAL_DB", "LLM_EVAL_CONFIG", "OPENAI_", "ANTHROPIC_", "OTEL_")):
            monkeypatch.delenv(name)
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # what fails at the end fails at once


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[MetricsStorage]:
    """An empty run database."""
    with MetricsStorage(f"sqlite:///{tmp_path}/runs.db") as opened:
        yield opened


@pytest.fixture
async def stub() -> AsyncIterator[StubServer]:
    """An endpoint in this event loop."""
    async with StubServer() as server:
        yield server


@pytest.fixture(scope="session")
def embedded_model() -> Path:
    """The embedded model's file, fetched once for all runs of the tests."""
    try:
        return embedded.fetch("smollm2-135m")
    except ConfigError as exc:
        if os.environ.get("LLM_EVAL_REQUIRE_SYSTEM"):
            raise
        pytest.skip(f"the embedded model cannot be fetched: {exc}")
