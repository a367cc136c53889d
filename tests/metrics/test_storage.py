"""What was stored comes back as it was, on SQLite and on Postgres."""

import asyncio
import gc
import math
import warnings
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_eval.errors import ConfigError
from llm_eval.fingerprint import identify
from llm_eval.metrics import schema
from llm_eval.metrics.storage import MetricsStorage, new_run_id
from llm_eval.models.caching import hit
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
ODD = "nul \0, half \ud83d, quote ' \" \\, 雪 😀 \x1b[31m\x1a \u202e"


def start(
    storage: MetricsStorage,
    *,
    created_at: str | None = None,
    tags: Mapping[str, str] | None = None,
    task: str = "qa",
    n_total: int = 3,
) -> str:
    run_id = new_run_id()
    storage.create_run(
        RunInfo(
            run_id,
            task,
            "m",
            created_at or datetime.now(UTC).isoformat(),
            {"metrics": METRICS, "task": task},
            n_total=n_total,
            tags=tags or {},
        )
    )
    return run_id


def result(
    index: int, value: float | None = 1.0, *, epoch: int = 0, text: str = "ok"
) -> SampleResult:
    sample = identify(
        "qa", f"s{index}", {"q": f"{text} {index}"}, [text], slice="easy" if index % 2 else "hard",
        groups={"kind": "a"},
    )  # fmt: skip
    response = ModelResponse(text, "m", usage=Usage(10, 5), latency_s=0.5, cost_usd=0.25)
    scores: tuple[Score | Unscored, ...] = (
        Unscored("exact_match", "no judge") if value is None else Score("exact_match", value),
        Score("f1", value or 0.0, reason=text, details={"fields": [{"path": "a"}]}),
    )
    return SampleResult(
        index, epoch, sample, (Message("user", f"{text}?"),), response, text, None, scores
    )


def failed(index: int) -> SampleResult:
    failure = Failure("provider", "timeout", "too slow", 504, 3)
    return SampleResult(index, 0, result(index).sample, failure=failure)


async def put(storage: MetricsStorage, run_id: str, *results: SampleResult) -> None:
    async with storage.writer(run_id) as writer:

        async def put_both(each: SampleResult) -> None:
            if each.response is not None:
                await writer.put_response(
                    each.index, each.epoch, each.sample, each.prompt, each.response, "key"
                )
            await writer.put_result(each)

        await asyncio.gather(*map(put_both, results))


async def test_results_come_back_as_they_were(storage: MetricsStorage) -> None:
    run_id = start(storage)
    given = [result(0), result(1, 0.0, text=ODD), result(2, None), failed(3)]
    await put(storage, run_id, *given)
    assert list(storage.results(run_id)) == given


async def test_everything_a_reply_holds_comes_back(storage: MetricsStorage) -> None:
    run_id = start(storage)
    reply = ModelResponse(
        ODD, ODD, "length", Usage(1, 2, 3, 4), 1.5, ODD, ODD,
        (TokenLogprob("a", -0.5, (("b", -1.25), ("c", float("-inf")))),), "id", 0.125, 3, True,
    )  # fmt: skip
    given = replace(result(0), response=reply, answer={"a": [None, ODD, 1.5]}, parse_error=ODD)
    await put(storage, run_id, given)
    assert list(storage.results(run_id)) == [given]


async def test_a_reply_is_readable_as_soon_as_put_response_returns(storage: MetricsStorage) -> None:
    run_id = start(storage)
    one = result(0)
    assert one.response is not None
    async with storage.writer(run_id) as writer:
        await writer.put_response(0, 0, one.sample, one.prompt, one.response, "key")
        with MetricsStorage(storage_url(storage)) as other:
            assert list(other.pending_responses(run_id)) == [(0, 0, one.response)]
        await writer.put_result(one)
    assert list(storage.pending_responses(run_id)) == []


def storage_url(storage: MetricsStorage) -> str:
    return storage._engine.url.render_as_string(hide_password=False)


async def test_the_same_result_twice_is_stored_once(storage: MetricsStorage) -> None:
    run_id = start(storage)
    await put(storage, run_id, result(0))
    await put(storage, run_id, result(0, 0.0))
    assert [r.scores[0] for r in storage.results(run_id)] == [Score("exact_match", 1.0)]


async def test_a_failed_result_gives_way_to_a_later_one(storage: MetricsStorage) -> None:
    run_id = start(storage)
    await put(storage, run_id, failed(0))
    assert list(storage.done(run_id)) == []
    await put(storage, run_id, result(0))
    assert list(storage.done(run_id)) == [(0, 0)]
    assert [r.status for r in storage.results(run_id)] == ["scored"]


async def test_results_are_paged_in_order_and_narrowed(storage: MetricsStorage) -> None:
    run_id = start(storage, n_total=1200)
    await put(storage, run_id, *(result(i, float(i % 3 > 0)) for i in reversed(range(1200))))
    assert [r.index for r in storage.results(run_id)] == list(range(1200))
    assert [r.index for r in storage.results(run_id, slice="easy", limit=2)] == [1, 3]
    assert [r.index for r in storage.results(run_id, failures=True, limit=3)] == [0, 3, 6]
    assert [r.index for r in storage.results(run_id, after=(1100, 0), limit=1)] == [1101]
    assert [r.index for r in storage.results(run_id, sample="s7")] == [7]
    key = result(7).sample.key
    assert [r.index for r in storage.results(run_id, sample=key[:12])] == [7]


@pytest.mark.parametrize(
    "groups",
    [
        {"kind": "b"},
        {"kind": 'quote " and \\ and =', "size": "100 %"},
        {"größe": "雪", "odd": "half \ud83d", "nul": "\0"},
        {"kind": "A", "note": '"kind":"a"', "a=b": "c=d"},
    ],
)
async def test_a_group_is_a_slice_by_its_whole_label_and_no_other_text(
    groups: dict[str, str], storage: MetricsStorage
) -> None:
    run_id, plain = start(storage), result(0)
    await put(storage, run_id, plain, replace(result(1), sample=labelled(1, groups)))
    labels = [f"{name}={value}" for name, value in groups.items()]
    assert storage.slice_names(run_id) == sorted(["easy", "hard", "kind=a", *labels])
    for label in labels:
        assert [r.index for r in storage.results(run_id, slice=label)] == [1], label
    assert [r.index for r in storage.results(run_id, slice="kind=a")] == [0]
    assert list(storage.results(run_id, slice="ind=a")) == []


def labelled(index: int, groups: Mapping[str, str]) -> Sample:
    return replace(result(index).sample, groups=groups)


async def test_an_answer_that_is_not_read_to_its_end_leaves_no_cursor_open(
    storage: MetricsStorage,
) -> None:
    """Postgres' driver warns of one in the server when it is collected, sooner or later."""
    run_id = start(storage)
    await put(storage, run_id, *map(result, range(5)))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert next(storage.done(run_id)) == (0, 0)
        gc.collect()
    assert [str(warning.message) for warning in warned] == []


async def test_a_score_table_has_a_row_a_result(storage: MetricsStorage) -> None:
    run_id = start(storage)
    await put(storage, run_id, result(0), result(1, 0.0), result(2, None), failed(3))
    table = storage.score_table(run_id)
    assert table.metrics == ("exact_match", "f1")
    assert table.labels[1] == ("easy", "kind=a")
    assert list(table.failed) == [False, False, False, True]
    np.testing.assert_array_equal(table.values[:, 0], [1.0, 0.0, math.nan, math.nan])


async def test_outcomes_stand_beside_the_scores_and_no_reply_is_read_for_them(
    storage: MetricsStorage,
) -> None:
    run_id = start(storage)
    reasons = ("stop", "length", "content_filter", "refusal", "tool_calls")
    quoted = 'It said {"finish_reason":"length"}.'
    replies = [
        replace(given, response=replace(given.response, text=quoted, finish_reason=reason))
        for given, reason in zip(map(result, range(5)), reasons, strict=True)
        if given.response is not None
    ]
    await put(storage, run_id, *replies, failed(5))
    with storage._engine.begin() as connection:
        connection.execute(schema.responses.update().values(prompt="[]", response="{}"))
    table, outcomes = storage.scores_and_outcomes(run_id)
    assert outcomes.cut_off.tolist() == [False, True, True, True, False, False]
    assert list(outcomes.statuses) == ["scored"] * 5 + ["failed"]
    assert list(outcomes.ids) == [given.sample.id for given in (*replies, failed(5))]
    np.testing.assert_array_equal(outcomes.prompt_tokens[:], [10.0] * 5 + [math.nan])
    np.testing.assert_array_equal(table.values, storage.score_table(run_id).values)
    assert list(table.keys) == list(storage.score_table(run_id).keys)


async def test_consumption_adds_up_without_reading_texts(storage: MetricsStorage) -> None:
    run_id = start(storage)
    hit = result(1)
    assert hit.response is not None
    await put(storage, run_id, result(0), replace(hit, response=replace(hit.response, cached=True)))
    consumed = storage.consumption(run_id)
    assert (consumed.prompt_tokens, consumed.completion_tokens) == (20, 10)
    assert (consumed.cost_usd, list(consumed.latencies_s), consumed.cache_hits) == (0.5, [0.5], 1)


def test_runs_are_found_by_id_beginning_tag_and_latest(storage: MetricsStorage) -> None:
    old = start(storage, created_at="2026-01-01T00:00:00+00:00", tags={"branch": "main"})
    new = start(storage, created_at="2026-01-02T00:00:00+00:00", tags={"branch": "fix"})
    assert storage.get_run(old).run_id == old
    assert storage.get_run(old[:-1] if not new.startswith(old[:-1]) else old).run_id == old
    assert storage.get_run("latest").run_id == new
    assert storage.get_run("branch=main").run_id == old
    assert [run.run_id for run in storage.list_runs()] == [new, old]
    assert [run.run_id for run in storage.list_runs(tag=("branch", "fix"))] == [new]
    assert [run.run_id for run in storage.list_runs(since="2026-01-02")] == [new]


def test_the_latest_run_is_the_one_stored_last_whatever_the_clock_said(
    storage: MetricsStorage,
) -> None:
    before = start(storage, created_at="2026-01-02T03:30:00+00:00", tags={"branch": "main"})
    after = start(storage, created_at="2026-01-02T02:40:00+00:00", tags={"branch": "main"})
    assert storage.get_run("latest").run_id == after
    assert storage.get_run("branch=main").run_id == after
    assert [run.run_id for run in storage.list_runs()] == [after, before]


def test_an_unknown_run_names_the_nearest(storage: MetricsStorage) -> None:
    with pytest.raises(ConfigError, match="there are no runs yet"):
        storage.get_run("release=1")
    run_id = start(storage, tags={"release": "1.0", "env": "ci"})
    storage.baselines.promote("main/qa", run_id, by="me")
    with pytest.raises(ConfigError, match=f"did you mean {run_id}"):
        storage.get_run(run_id[:-1] + "!")
    for ref, said in (
        ("main/qb", "did you mean main/qa?"),
        ("latets", "did you mean latest?"),
        ("relase=1.0", r"did you mean 'release=1\.0'\?"),
        ("zzz=zzz", r"known: env=ci, release=1\.0"),
        ("zzz", "llm-eval runs lists them"),
        ("", "no run ''"),
    ):
        with pytest.raises(ConfigError, match=said):
            storage.get_run(ref)


def test_a_filter_that_fits_no_run_names_the_nearest(storage: MetricsStorage) -> None:
    with pytest.raises(ConfigError, match="there are no runs yet"):
        storage.check_filters(task="t")
    info = storage.get_run(start(storage, tags={"release": "1.0"}))
    storage.check_filters(task=info.task, model=info.model, tag=("release", "1.0"))
    for wrong, said in (
        ({"task": info.task + "x"}, f"no run of task .*; did you mean '{info.task}'"),
        ({"model": info.model + "x"}, f"no run of model .*; did you mean '{info.model}'"),
        ({"tag": ("release", "2.0")}, r"no run with tag 'release=2\.0' .*'release=1\.0'"),
    ):
        with pytest.raises(ConfigError, match=said):
            storage.check_filters(**wrong)


def test_an_ambiguous_beginning_is_refused(storage: MetricsStorage) -> None:
    start(storage)
    start(storage)
    with pytest.raises(ConfigError, match=r"is ambiguous: run_\w+, run_\w+; give more"):
        storage.get_run("run_")


async def test_a_deleted_run_is_gone_with_all_its_rows(storage: MetricsStorage) -> None:
    run_id, other = start(storage, tags={"a": "b"}), start(storage)
    await put(storage, run_id, result(0))
    await put(storage, other, result(0))
    storage.delete_run(run_id)
    assert [run.run_id for run in storage.list_runs()] == [other]
    assert len(list(storage.results(other))) == 1


async def test_cached_replies_are_there_for_the_next_run(storage: MetricsStorage) -> None:
    run_id, cache = start(storage), storage.cache()
    reply = ModelResponse(ODD, "m")
    async with storage.writer(run_id) as writer:
        cache.put("k", reply)
        assert await cache.get("k", max_age_s=None) == hit(reply)  # before it is durable
        await writer.flush()
        assert await cache.get("k", max_age_s=None) == hit(reply)
    assert await cache.get("k", max_age_s=None) == hit(reply)
    assert await cache.get("k", max_age_s=-1) is None
    assert await cache.get("other", max_age_s=None) is None
    assert cache.stats()["replies"] == 1
    assert cache.prune(older_than_s=3600) == 0
    assert cache.prune() == 1
    assert await cache.get("k", max_age_s=None) is None


async def test_the_cache_is_cut_to_a_size_oldest_first(storage: MetricsStorage) -> None:
    cache = storage.cache()
    for number in range(10):
        cache.put(f"k{number}", ModelResponse("x" * 1000, "m"))
    size = cache.stats()["bytes"] // 10
    assert cache.prune(max_bytes=3 * size) == 7
    assert await cache.get("k9", max_age_s=None) is not None
    assert await cache.get("k0", max_age_s=None) is None


async def test_a_summary_and_a_status_are_kept(storage: MetricsStorage) -> None:
    run_id = start(storage)
    storage.update_run(run_id, status="complete", summary={"metrics": {}})
    info = storage.get_run(run_id)
    assert (info.status, info.summary) == ("complete", {"metrics": {}})


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(alphabet=st.characters(), max_size=40))
async def test_any_text_survives(storage: MetricsStorage, text: str) -> None:
    run_id = start(storage)
    given_result = replace(result(0, text=text), parse_error=text or None)
    await put(storage, run_id, given_result)
    assert list(storage.results(run_id)) == [given_result]


async def test_keys_of_somebodys_own_making_come_back_too(storage: MetricsStorage) -> None:
    """Those of before and after are digests."""
    run_id = start(storage)
    given = [result(index) for index in range(4100)]
    given[2100] = replace(given[2100], sample=replace(given[2100].sample, key="own key"))
    async with storage.writer(run_id) as writer:
        for each in given:
            await writer.put_result(each)
    assert list(storage.score_table(run_id).keys) == [each.sample.key for each in given]
    assert list(storage.score_table(run_id, keys=False).keys) == []


async def test_a_reply_after_a_failure_is_scored_without_another_call(
    storage: MetricsStorage,
) -> None:
    """Killed between the reply and its result, in the second attempt at a sample."""
    run_id, one = start(storage), result(0)
    assert one.response is not None
    await put(storage, run_id, failed(0))
    async with storage.writer(run_id) as writer:
        await writer.put_response(0, 0, one.sample, one.prompt, one.response, "key")
    assert list(storage.pending_responses(run_id)) == [(0, 0, one.response)]


Put = tuple[str, int]
"""What is put (reply, right, wrong or failed), and for which sample."""


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(["reply", "right", "wrong", "failed"]), st.integers(0, 2)),
            max_size=8,
        ),
        max_size=3,
    )
)
async def test_the_first_reply_and_the_first_result_that_is_none_of_failure_stay(
    storage: MetricsStorage, sessions: list[list[Put]]
) -> None:
    """Whatever is put in whatever order, by one writer after another."""
    run_id = start(storage)
    replies: dict[int, SampleResult] = {}
    results: dict[int, SampleResult] = {}
    for session in sessions:
        async with storage.writer(run_id) as writer:
            for number, (what, index) in enumerate(session):
                given = failed(index) if what == "failed" else result(index, float(what == "right"))
                if given.response is not None:
                    given = replace(given, response=replace(given.response, text=f"{number}"))
                    replies.setdefault(index, given)
                if what == "reply":
                    assert given.response is not None
                    await writer.put_response(
                        index, 0, given.sample, given.prompt, given.response, "key"
                    )
                    continue
                await writer.put_result(given)
                if index not in results or results[index].failure is not None:
                    results[index] = given
    expected = [joined(results[index], replies.get(index)) for index in sorted(results)]
    assert list(storage.results(run_id)) == expected
    done = {index for index, kept in results.items() if kept.failure is None}
    assert {index for index, _ in storage.done(run_id)} == done
    pending = {index: reply.response for index, reply in replies.items() if index not in done}
    assert {index: response for index, _, response in storage.pending_responses(run_id)} == pending


def joined(kept: SampleResult, reply: SampleResult | None) -> SampleResult:
    if reply is None:
        return kept
    return replace(kept, prompt=reply.prompt, response=reply.response)
