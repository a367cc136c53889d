"""Logs: structured, bounded in what they show, harmless to a terminal."""

import json
import logging
from collections.abc import Iterator

import pytest

from llm_eval.observability import logs
from llm_eval.types import (
    Failure,
    ModelResponse,
    Sample,
    SampleResult,
    Score,
)

SECRET = "words of the model \x1b[2J\n\u202e"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    logger = logging.getLogger("llm_eval")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield
    logger.handlers[:], logger.level, logger.propagate = before


def results() -> list[SampleResult]:
    sample = Sample("k", "s7", {}, "x")
    reply = ModelResponse(SECRET, "m", latency_s=0.5)
    return [
        SampleResult(0, 0, sample, (), reply, "x", None, (Score("f1", 0.5, SECRET),)),
        SampleResult(1, 0, sample, (), reply, None, f"no JSON in {SECRET}"),
        SampleResult(2, 0, sample, failure=Failure("provider", "timeout", "late\x1b[2J", 504)),
    ]


def logged(
    capsys: pytest.CaptureFixture[str], level: logs.Level, *, as_json: bool = False
) -> list[str]:
    logs.configure(level, as_json=as_json)
    observer = logs.RunLog("qa", "m")
    for result in results():
        observer.on_result(result)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_no_word_of_a_model_stands_above_debug(capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (False, True):
        text = "\n".join(logged(capsys, "info", as_json=as_json))
        assert "words of the model" not in text
        assert "words of the model" in "\n".join(logged(capsys, "debug", as_json=as_json))


def test_terminal_escapes_are_shown_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (False, True):
        lines = logged(capsys, "debug", as_json=as_json)
        assert len(lines) == 4
        assert not {"\x1b", "\u202e"} & set("".join(lines))


def test_the_level_narrows(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(logged(capsys, "info")) == 2
    [line] = logged(capsys, "warning")
    assert " WARNING sample failed task=qa model=m sample_id=s7 epoch=0 code=timeout " in line
    assert line.endswith(r"http_status=504 error=late\x1b[2J")
    assert logged(capsys, "error") == []


def test_json_lines_are_objects_with_time_level_and_event(
    capsys: pytest.CaptureFixture[str],
) -> None:
    [line] = map(json.loads, logged(capsys, "warning", as_json=True))
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "event": "sample failed",
        "task": "qa",
        "model": "m",
        "sample_id": "s7",
        "epoch": 0,
        "code": "timeout",
        "http_status": 504,
        "error": "late\x1b[2J",
    }


def test_odd_values_are_logged_too(capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (False, True):
        logs.configure("info", as_json=as_json)
        logs.log("info", "odd", half="\ud83d", thing=object(), nothing=None, words="a b=c")
        [line] = capsys.readouterr().err.splitlines()
        assert "odd" in line
        assert line.encode()


def test_an_event_is_one_line_and_goes_to_no_other_handler(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    logs.configure("info")
    logs.log("info", "two\nlines", why="a\nb")
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith('INFO two\\nlines why="a\\nb"')
    assert caplog.records == []
