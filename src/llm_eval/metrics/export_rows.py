"""Which runs and samples an export holds, and their rows, made one by one.

>>> chosen = Selection(task="qa", failures=True)
>>> sheet = sample_sheet(storage, chosen)
>>> [column.name for column in sheet.columns][:2], next(sheet.rows)[:2]
(['run_id', 'task'], ('run_20260102_030405_abc123', 'qa'))
"""

import json
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from llm_eval.metrics import codec
from llm_eval.metrics.export_columns import SCORE_COLUMNS, Column, with_scores
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import ModelResponse, RunInfo

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is exported; what is None or empty does not narrow."""

    runs: tuple[str, ...] = ()
    """Ids, unique beginnings of ids, `latest`, or tags K=V."""
    task: str | None = None
    model: str | None = None
    tag: tuple[str, str] | None = None
    since: str | None = None
    """ISO 8601 time in UTC: runs that started then or later."""
    limit: int | None = None
    """The newest so many runs."""
    slice: str | None = None
    failures: bool = False
    """Only what did not get the best value."""


class Sheet(NamedTuple):
    """A table whose rows come one by one, in the order of its columns."""

    columns: tuple[Column, ...]
    rows: Iterator[Row]


def chosen_runs(storage: MetricsStorage, chosen: Selection) -> list[RunInfo]:
    """The runs of a selection: as they are named, else newest first.

    Raises:
        ConfigError: a run is named that is not there.
    """
    named = list(dict.fromkeys(storage.get_run(ref).run_id for ref in chosen.runs))
    found = storage.list_runs(
        limit=chosen.limit,
        task=chosen.task,
        model=chosen.model,
        tag=chosen.tag,
        since=chosen.since,
        among=named or None,
    )
    return sorted(found, key=lambda info: named.index(info.run_id)) if named else found


def sample_sheet(storage: MetricsStorage, chosen: Selection) -> Sheet:
    """One row a sample and epoch, with one column for each metric of any chosen run."""
    infos = chosen_runs(storage, chosen)
    metrics = list(dict.fromkeys(name for info in infos for name in _metrics(info)))
    rows = (
        _sample_row(info, place, row)
        for info in infos
        for place in [_places(info, metrics)]
        for row in _stored(storage, info, chosen)
    )
    return Sheet(with_scores(metrics), rows)


def score_sheet(storage: MetricsStorage, chosen: Selection) -> Sheet:
    """One row a sample, epoch and metric; a failed sample has its row too, without a value."""
    infos = chosen_runs(storage, chosen)
    rows = (
        (*run_part(info), *_sample_part(row), *score)
        for info in infos
        for row in _stored(storage, info, chosen)
        for score in _scores(info, row)
    )
    return Sheet(SCORE_COLUMNS, rows)


def result_lines(storage: MetricsStorage, chosen: Selection) -> Iterator[str]:
    """One JSON object a sample and epoch, with all that is stored of it; `read_line` reads it.

    Stored JSON is copied, not decoded: it comes out as it went in.
    """
    for info in chosen_runs(storage, chosen):
        run = codec.to_json(dict(zip(_RUN_NAMES, run_part(info), strict=True)))[:-1]
        for row in _stored(storage, info, chosen):
            yield f"{run},{_line(row)}}}"


def _stored(
    storage: MetricsStorage, info: RunInfo, chosen: Selection
) -> Iterator[Mapping[str, Any]]:
    return storage.result_rows(info.run_id, slice=chosen.slice, failures=chosen.failures)


_RUN_NAMES = ("run_id", "task", "model", "created_at")


def run_part(info: RunInfo) -> Row:
    """What every row says of its run first."""
    return info.run_id, info.task, info.model, info.created_at


def _metrics(info: RunInfo) -> list[str]:
    return [metric["name"] for metric in info.recipe.get("metrics", ())]


def _places(info: RunInfo, metrics: list[str]) -> list[int | None]:
    """Where each metric's value stands among those that the run packed."""
    own = _metrics(info)
    return [own.index(name) if name in own else None for name in metrics]


def _sample_part(row: Mapping[str, Any]) -> Row:
    return (
        row["sample_index"],
        row["epoch"],
        codec.unescape(row["sample_id"]),
        row["sample_key"],
        _text(row["slice"]),
    )


def _sample_row(info: RunInfo, places: list[int | None], row: Mapping[str, Any]) -> Row:
    inputs, target = _split_body(row["body"])
    return (
        *run_part(info),
        *_sample_part(row),
        _text(row["cluster"]),
        row["groups"],
        row["status"],
        bool(row["perfect"]),
        inputs,
        target,
        row["prompt"],
        *_reply_part(row),
        *_values(row["metric_values"], places),
    )


def _reply_part(row: Mapping[str, Any]) -> Row:
    """From `reply` to `cached`."""
    response = codec.response(row["response"]) if row["response"] else None
    failure = codec.from_json(row["failure"]) or {}
    return (
        response and response.text,
        row["answer"] if response else None,
        _text(row["parse_error"]),
        failure.get("code"),
        failure.get("message"),
        *_usage_part(response),
    )


def _usage_part(response: ModelResponse | None) -> Row:
    if response is None:
        return (None,) * 9
    usage = response.usage
    return (
        response.finish_reason,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cached_prompt_tokens,
        usage.reasoning_tokens,
        response.cost_usd,
        response.latency_s,
        response.attempts,
        response.cached,
    )


def _values(packed: bytes | None, places: list[int | None]) -> list[float | None]:
    values = struct.unpack(f"<{len(packed) // 8}d", packed) if packed else ()
    return [
        None if at is None or at >= len(values) or math.isnan(values[at]) else values[at]
        for at in places
    ]


def _scores(info: RunInfo, row: Mapping[str, Any]) -> Iterator[Row]:
    if row["failure"] is not None:
        said = codec.from_json(row["failure"])["message"]
        for name in _metrics(info):
            yield name, None, "failed", said, None
        return
    for item in codec.from_json(row["scores"]):
        details = item.get("details")
        state = "scored" if "value" in item else item["state"]
        yield (
            item["metric"],
            item.get("value"),
            state,
            item["reason"],
            None if details is None else codec.to_json(details),
        )


_both = msgspec.json.Decoder(tuple[msgspec.Raw, msgspec.Raw])


def _split_body(body: str) -> tuple[str, str]:
    """JSON of the inputs and of the target, from the JSON of both."""
    try:
        inputs, target = _both.decode(body)
        return str(inputs, "utf-8"), str(target, "utf-8")
    except (msgspec.DecodeError, UnicodeDecodeError):  # NaN: only Python's own module reads it
        first, second = json.loads(body)
        return json.dumps(first), json.dumps(second)


def _line(row: Mapping[str, Any]) -> str:
    """The members of a `SampleResult`, without braces."""
    inputs, target = _split_body(row["body"])
    return (
        f'"index":{row["sample_index"]},"epoch":{row["epoch"]},"status":"{row["status"]}",'
        f'"sample":{{"key":"{row["sample_key"]}","id":{_string(row["sample_id"])},'
        f'"slice":{_string(row["slice"])},"cluster":{_string(row["cluster"])},'
        f'"groups":{row["groups"]},"inputs":{inputs},"target":{target}}},'
        f'"prompt":{row["prompt"] or "[]"},"response":{row["response"] or "null"},'
        f'"answer":{row["answer"]},"parse_error":{_string(row["parse_error"])},'
        f'"scores":{row["scores"]},"failure":{row["failure"] or "null"}'
    )


def _text(stored: str | None) -> str | None:
    return None if stored is None else codec.unescape(stored)


def _string(stored: str | None) -> str:
    return codec.to_json(_text(stored))
