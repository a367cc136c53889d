"""How values become columns and come back: JSON text, and scores packed as float64.

All model text goes through JSON, which escapes NUL and control characters, so the same text comes
back from SQLite and from Postgres.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from llm_eval.types import (
    Failure,
    Message,
    ModelResponse,
    Prompt,
    Sample,
    SampleResult,
    Score,
    Unscored,
)

_encode = msgspec.json.Encoder().encode
_response = msgspec.json.Decoder(ModelResponse)
_prompt = msgspec.json.Decoder(tuple[Message, ...])
_failure = msgspec.json.Decoder(Failure)
_any = msgspec.json.Decoder()

Row = Mapping[str, Any]


def to_json(value: object) -> str:
    """`value` as JSON text."""
    return _encode(value).decode()


def from_json(text: str | None) -> Any:
    """What `to_json` was given, in JSON's own types; None for no text."""
    return None if text is None else _any.decode(text)


def sample_row(sample: Sample) -> dict[str, Any]:
    """Row of `samples`."""
    return {"key": sample.key, "body": to_json((sample.inputs, sample.target))}


def response_row(
    run: int, index: int, epoch: int, request_key: str, prompt: Prompt, response: ModelResponse
) -> dict[str, Any]:
    """Row of `responses`."""
    return {
        "run": run,
        "index": index,
        "epoch": epoch,
        "request_key": request_key,
        "prompt": to_json(prompt),
        "response": to_json(response),
    }


def result_row(run: int, result: SampleResult, best: float) -> dict[str, Any]:
    """Row of `results`; `best` is the headline metric's best value."""
    sample, scores = result.sample, result.scores
    return {
        "run": run,
        "index": result.index,
        "epoch": result.epoch,
        "sample_key": sample.key,
        "sample_id": sample.id,
        "slice": sample.slice,
        "cluster": sample.cluster,
        "groups": to_json(sample.groups),
        "status": result.status,
        "perfect": int(bool(scores) and getattr(scores[0], "value", None) == best),
        "answer": to_json(result.answer),
        "parse_error": result.parse_error,
        "failure": to_json(result.failure) if result.failure else None,
        "scores": to_json([_score_object(score) for score in scores]),
        "values": pack([getattr(score, "value", float("nan")) for score in scores]),
    }


def pack(values: Sequence[float]) -> bytes | None:
    """float64 in native little-endian order; None where there is no score at all."""
    return struct.pack(f"<{len(values)}d", *values) if values else None


def response(text: str | None) -> ModelResponse | None:
    """The stored reply."""
    return None if text is None else _response.decode(text)


def result(row: Row) -> SampleResult:
    """A result, joined with its sample and response."""
    inputs, target = _any.decode(row["body"])
    sample = Sample(
        row["sample_key"],
        row["sample_id"],
        inputs,
        target,
        row["slice"],
        row["cluster"],
        _any.decode(row["groups"]),
    )
    return SampleResult(
        row["index"],
        row["epoch"],
        sample,
        _prompt.decode(row["prompt"]) if row["prompt"] is not None else (),
        response(row["response"]),
        _any.decode(row["answer"]),
        row["parse_error"],
        tuple(_score(item) for item in _any.decode(row["scores"])),
        _failure.decode(row["failure"]) if row["failure"] is not None else None,
    )


def _score_object(score: Score | Unscored) -> dict[str, Any]:
    if isinstance(score, Unscored):
        return {"metric": score.metric, "unscored": score.reason, "state": score.state}
    given = {"metric": score.metric, "value": score.value}
    if score.reason is not None:
        given["reason"] = score.reason
    if score.details is not None:
        given["details"] = cast("Any", score.details)
    return given


def _score(item: Row) -> Score | Unscored:
    if "unscored" in item:
        return Unscored(item["metric"], item["unscored"], item["state"])
    return Score(item["metric"], float(item["value"]), item.get("reason"), item.get("details"))
