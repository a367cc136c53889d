"""`run --log-json --metrics-port`: what watchers get from the command line."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llm_eval.cli import watch
from llm_eval.cli.main import main
from llm_eval.models.base import BaseModel
from llm_eval.observability import live_metrics
from llm_eval.observability.live_metrics import LimiterState, LiveRuns, serving
from llm_eval.testing import StubServer
from llm_eval.testing.stub_faults import Faults
from tests.observability.scraped import scrape, series


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


def test_a_rescoring_is_watched_as_a_run_is(
    tmp_path: Path, model: str, capfd: pytest.CaptureFixture[str]
) -> None:
    db = f"sqlite:///{tmp_path}/runs.db"
    assert main(["run", "qa", "--model", model, "--limit", "3", "--db", db]) == 0
    capfd.readouterr()
    again = ["rescore", "latest", "--db", db, "--metrics-port", "0", "--log-json"]
    assert main(again) == 0
    said = capfd.readouterr().err.splitlines()
    assert any(line.startswith("metrics: http://127.0.0.1:") for line in said)
    [starts] = [json.loads(line) for line in said if "run starts" in line]
    assert (starts["task"], starts["model"], starts["n"]) == ("qa", model, 3)


def test_a_resumed_run_tells_what_is_left_and_what_it_kept(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[str] = []

    @contextmanager
    def noted(port: int, address: str) -> Iterator[LiveRuns]:
        with serving(port, address) as runs:

            def answer(_prompt: str) -> str:
                pages.append(scrape(runs.port))
                return "x"

            server.answer = answer
            yield runs

    db = f"sqlite:///{tmp_path}/runs.db"
    with StubServer(lambda _: "x", faults=Faults(script=["400"] * 2)).in_thread() as server:
        model = f"openai/stub@{server.url}"
        main(["run", "qa", "--model", model, "--limit", "5", "--db", db, "--no-cache"])
        capfd.readouterr()
        monkeypatch.setattr(live_metrics, "serving", noted)
        resume = ["run", "--resume", "latest", "--db", db, "--metrics-port", "0", "--log-json"]
        assert main(resume) == 0
    found = series(pages[0])
    who = {"task": "qa", "model": model}
    numbers = {
        name: found[f"llm_eval_{name}", frozenset((who | more).items())]
        for name, more in (
            ("planned_samples", {}),
            ("kept_samples", {}),
            ("samples_total", {"status": "scored"}),
        )
    }
    assert numbers == {"planned_samples": 2, "kept_samples": 3, "samples_total": 0}
    [starts] = [line for line in capfd.readouterr().err.splitlines() if "run starts" in line]
    assert (json.loads(starts)["n"], json.loads(starts)["n_kept"]) == (5, 3)


@pytest.mark.parametrize("port", ["x", "99999", "1.2.3.4", "-1"])
def test_an_address_that_is_none_is_a_usage_error(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["run", "qa", f"--metrics-port={port}"])
    assert stopped.value.code == 2
    assert "must look like 9464" in capsys.readouterr().err
