"""How values become columns and come back: JSON text, and metric values packed as float64.

    Score("f1", 0.5)  →  scores  [{"metric":"f1","value":0.5,"reason":null,"details":null}]
                         metric_values  00 00 00 00 00 00 e0 3f

Model text comes back as it was, whatever it holds: JSON escapes NUL, which Postgres refuses, and
lone surrogates, which no UTF-8 has; columns of plain text go through `escape` for the same reason.
"""

import json
import math
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from llm_eval.errors import StoreError, boundary
from llm_eval.types import (
    Failure,
    Metric,
    ModelResponse,
    Prompt,
    Sample,
    SampleResult,
    Score,
    Unscored,
)

SAVE_THE_REST = "save what can still be read: llm-eval doctor --rescue NEW.db"
"""The way out of a damaged database."""
T = TypeVar("T")
Row = Mapping[str, Any]
Columns = tuple[Any, ...]
"""Values in the order of a table's columns."""

_NAN = float("nan")
_MARK = "\x1a"
_UNSAFE = re.compile("[\0\ud800-\udfff]|^\x1a")


def escape(text: str) -> str:
    """`text` as every database can hold it: the same, or a marked JSON string where it cannot."""
    return _MARK + json.dumps(text) if _UNSAFE.search(text) else text


def unescape(text: str) -> str:
    """What `escape` was given."""
    return _decoded(text[1:], _text) if text.startswith(_MARK) else text


def to_json(value: object) -> str:
    """`value` as JSON text; what JSON has no word for is written as its `repr`."""
    try:
        text = _encode(value).decode()
        if "null" not in text or _is_finite(msgspec.to_builtins(value, enc_hook=_foreign)):
            return text
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass  # a lone surrogate, a number or a depth that msgspec refuses
    return _to_json_slowly(value)


def from_json(text: str | None) -> Any:
    """What `to_json` was given, in JSON's own types; None for no text."""
    return None if text is None else _decoded(text, _any)


def sample_columns(sample: Sample) -> Columns:
    """Row of `samples`."""
    return sample.key, to_json((sample.inputs, sample.target))


def response_columns(
    run: int, index: int, epoch: int, request_key: str, prompt: Prompt, response: ModelResponse
) -> Columns:
    """Row of `responses`."""
    return (
        run,
        index,
        epoch,
        response.usage.prompt_tokens,
        response.usage.completion_tokens,
        response.cost_usd,
        response.latency_s,
        int(response.cached),
        request_key,
        _typed_json(prompt),
        response_json(response),
        int(response.cut_off),
    )


def result_columns(run: int, result: SampleResult, metrics: Sequence[Metric]) -> Columns:
    """Row of `results`; `metrics` gives the order of `metric_values`."""
    sample = result.sample
    values = {s.metric: s.value for s in result.scores if isinstance(s, Score)}
    return (
        run,
        result.index,
        result.epoch,
        result.status,
        int(_is_perfect(result, values, metrics)),
        pack([values.get(metric.name, _NAN) for metric in metrics]),
        sample.key,
        escape(sample.id),
        _optional(sample.slice),
        _optional(sample.cluster),
        to_json(sample.groups),
        _optional(result.parse_error),
        None if result.failure is None else _typed_json(result.failure),
        to_json(result.answer),
        _scores_json(result.scores),
    )


def pack(values: Sequence[float]) -> bytes:
    """float64, little-endian, NaN for no value."""
    return struct.pack(f"<{len(values)}d", *values)


def response_json(response: ModelResponse) -> str:
    """A reply as JSON text."""
    return to_json(response) if response.logprobs else _typed_json(response)


def response(text: str) -> ModelResponse:
    """The stored reply."""
    return _decoded(text, _response)


def prompt(text: str) -> Prompt:
    """The stored prompt."""
    return _decoded(text, _prompt)


def failure(text: str) -> Failure:
    """The stored failure."""
    return _decoded(text, _failure)


def result(row: Row) -> SampleResult:
    """A result, joined with its sample and response."""
    inputs, target = from_json(row["body"])
    groups = from_json(row["groups"])
    texts = [
        None if row[name] is None else unescape(row[name])
        for name in ("slice", "cluster", "parse_error")
    ]
    sample = Sample(
        row["sample_key"], unescape(row["sample_id"]), inputs, target, texts[0], texts[1], groups
    )
    return SampleResult(
        row["sample_index"],
        row["epoch"],
        sample,
        () if row["prompt"] is None else prompt(row["prompt"]),
        None if row["response"] is None else response(row["response"]),
        from_json(row["answer"]),
        texts[2],
        scores(from_json(row["scores"])),
        None if row["failure"] is None else failure(row["failure"]),
    )


def scores(items: Sequence[Row]) -> tuple[Score | Unscored, ...]:
    """Scores from the objects that a result's JSON holds."""
    return tuple(map(_score, items))


def _foreign(value: object) -> object:
    """What msgspec does not know, in types that it does: views of mappings, numpy's numbers."""
    if isinstance(value, Mapping):
        return dict(value)
    if callable(item := getattr(value, "item", None)):
        return item()
    return repr(value)


_encode = msgspec.json.Encoder(enc_hook=_foreign).encode
_any = msgspec.json.Decoder()
_response = msgspec.json.Decoder(ModelResponse)
_prompt = msgspec.json.Decoder(Prompt)
_failure = msgspec.json.Decoder(Failure)
_text = msgspec.json.Decoder(str)


def _typed_json(value: object) -> str:
    """JSON of a value that holds no NaN and no infinity."""
    try:
        return _encode(value).decode()
    except UnicodeEncodeError:
        return _to_json_slowly(value)


def _to_json_slowly(value: object) -> str:
    """JSON as Python's own module writes it: with NaN, and with lone surrogates escaped."""
    try:
        return json.dumps(msgspec.to_builtins(value, enc_hook=_foreign))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return json.dumps(f"<{type(value).__name__} that JSON cannot hold>")


def _is_finite(value: object) -> bool:
    """Whether no NaN or infinity is in it, which msgspec would write as null."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    return not isinstance(value, list | tuple) or all(map(_is_finite, value))


def _decoded(text: str, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(text)
    except msgspec.DecodeError:  # it was written slowly
        with boundary(StoreError, f"a stored text is damaged; {SAVE_THE_REST}"):
            return msgspec.convert(json.loads(text), decoder.type)


def _optional(text: str | None) -> str | None:
    return None if text is None else escape(text)


def _is_perfect(
    result: SampleResult, values: Mapping[str, float], metrics: Sequence[Metric]
) -> bool:
    """Scored, an answer, and best on the headline metric and on every rate.

    Means other than the headline do not count: few texts reach the best ROUGE.
    """
    if result.status != "scored" or result.parse_error is not None:
        return False
    judged = [metric for metric in metrics if metric.kind == "rate" or metric is metrics[0]]
    return bool(judged) and all(values.get(metric.name) == metric.best for metric in judged)


def _scores_json(scores: tuple[Score | Unscored, ...]) -> str:
    if any(score.details is not None for score in scores):
        return to_json(scores)
    return _typed_json(scores)


def _score(item: Row) -> Score | Unscored:
    if "value" not in item:
        return Unscored(item["metric"], item["reason"], item["state"], item.get("details"))
    value = _NAN if item["value"] is None else float(item["value"])
    return Score(item["metric"], value, item["reason"], item["details"])
