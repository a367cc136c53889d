"""Structured logs on standard error: `key=value` for people, JSON lines for machines.

    2026-01-02T03:04:05.678Z WARNING sample failed run_id=run_… sample_id=s7 code=timeout
    {"time":"2026-01-02T03:04:05.678Z","level":"warning","event":"sample failed","run_id":"run_…"}

Text of a model stands in no line above `debug`. Control characters are shown, never obeyed.
"""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import msgspec

from llm_eval.types import SampleResult, Score
from llm_eval.visible import visible

Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")

_LOGGER = logging.getLogger("llm_eval")


def configure(level: Level = "warning", *, as_json: bool = False) -> None:
    """Write this package's events of `level` and above to standard error, and nowhere else."""
    handler = _ToStandardError()
    handler.setFormatter(_JSONLines() if as_json else _Text())
    _LOGGER.handlers[:] = [handler]
    _LOGGER.setLevel(level.upper())
    _LOGGER.propagate = False


def log(level: Level, event: str, **fields: Any) -> None:
    """One event with its facts."""
    number = logging.getLevelNamesMapping()[level.upper()]
    if _LOGGER.isEnabledFor(number):
        _LOGGER.log(number, "%s", event, extra={"fields": fields})


class RunLog:
    """Logs a run's samples; an `Observer`."""

    def __init__(self, task: str, model: str) -> None:
        self._who = {"task": task, "model": model}

    def on_result(self, result: SampleResult) -> None:
        """Failures as warnings, replies that are no answer as info, all else as debug."""
        place = {"sample_id": result.sample.id, "epoch": result.epoch}
        if result.failure is not None:
            failure = result.failure
            facts = {"code": failure.code, "http_status": failure.status}
            log("warning", "sample failed", **self._who, **place, **facts, error=failure.message)
            return
        if result.parse_error is not None:
            log("info", "reply is no answer", **self._who, **place)
        if _LOGGER.isEnabledFor(logging.DEBUG):
            log("debug", "sample done", **self._who, **place, **_details(result))


def _details(result: SampleResult) -> Mapping[str, Any]:
    """What only `debug` may show: the reply."""
    response = result.response
    return {
        "scores": {s.metric: s.value if isinstance(s, Score) else None for s in result.scores},
        "latency_s": response.latency_s if response else None,
        "reply": response.text if response else None,
        "parse_error": result.parse_error,
    }


class _ToStandardError(logging.StreamHandler[TextIO]):
    """Looks `sys.stderr` up at each line: a progress bar may stand in for it meanwhile."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        """Ignored: it is always the current one."""


class _JSONLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One JSON object; escapes keep it on one line and printable."""
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=_plain)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Time, level, event, and the facts as key=value."""
        facts = (f" {name}={_value(value)}" for name, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname} {record.getMessage()}{''.join(facts)}"
        shown = visible(line.replace("\n", "\\n"))
        return f"{shown}\n{self.formatException(record.exc_info)}" if record.exc_info else shown


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = getattr(record, "fields", {})
    return fields


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _value(value: object) -> str:
    """Bare where it is one word, else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, default=_plain)
    plain = isinstance(value, str) and value and not set(value) & set(' "=\t\r\n')
    return text if plain or not isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain(value: object) -> object:
    return msgspec.to_builtins(value, enc_hook=repr)
