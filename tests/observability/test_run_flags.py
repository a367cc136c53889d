"""`run --log-json --metrics-port`: what watchers get from the command line."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llm_eval.cli import watch
from llm_eval.cli.main import main
from llm_eval.models.base import BaseModel
from llm_eval.observability.live_metrics import LimiterState
from llm_eval.testing import StubServer


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    logger = logging.getLogger("llm_eval")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield
    logger.handlers[:], logger.level, logger.propagate = before


@pytest.fixture
def model() -> Iterator[str]:
    with StubServer().in_thread() as server:
        yield f"openai/stub@{server.url}"


def test_json_logs_stand_on_standard_error_and_the_result_alone_on_the_other(
    tmp_path: Path, model: str, capfd: pytest.CaptureFixture[str]
) -> None:
    db = f"sqlite:///{tmp_path}/runs.db"
    main(["run", "qa", "--model", model, "--limit", "3", "--db", db, "--json", "--log-json"])
    captured = capfd.readouterr()
    assert json.loads(captured.out)["n_total"] == 3
    events = [json.loads(line) for line in captured.err.splitlines() if line.startswith("{")]
    assert events[0]["event"] == "run starts"
    assert events[0]["n"] == 3


def test_metrics_are_served_while_it_runs(
    tmp_path: Path,
    model: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[object] = []
    real = watch._limiter_state

    def noted(model: BaseModel) -> Callable[[], LimiterState] | None:
        seen.append(state := real(model))
        return state

    monkeypatch.setattr(watch, "_limiter_state", noted)
    db = f"sqlite:///{tmp_path}/runs.db"
    arguments = ["--limit", "3", "--db", db, "--metrics-port", "0"]
    main(["run", "qa", "--model", model, *arguments])
    assert "metrics: http://127.0.0.1:" in capfd.readouterr().err
    assert len(seen) == 1
    assert seen[0] is not None


@pytest.mark.parametrize("port", ["x", "99999", "1.2.3.4", "-1"])
def test_an_address_that_is_none_is_a_usage_error(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["run", "qa", f"--metrics-port={port}"])
    assert stopped.value.code == 2
    assert "must look like 9464" in capsys.readouterr().err
