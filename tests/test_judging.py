"""Judged runs from end to end: the candidate's reply is safe, the judge's cost stands apart."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llm_eval.errors import ConfigError
from llm_eval.evaluation import Request, evaluate, prepare, resume_request
from llm_eval.execution import Evaluation, Executable, execute_plan
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.rescore import Rescoring, prepare_rescoring, rescore, resume_rescoring
from llm_eval.testing import Faults, StubServer, stub_judge
from llm_eval.testing.stub_replies import Answer, hashed
from llm_eval.types import Unscored

N = 12


def answer(prompt: str) -> str:
    return stub_judge.verdict(prompt) if stub_judge.is_judge_prompt(prompt) else hashed(prompt)


def request(stub: StubServer, **options: Any) -> Request:
    return Request(
        task="qa",
        model=f"openai/candidate@{stub.url}",
        judge_model=options.pop("judge_model", f"openai/judge@{stub.url}"),
        limit=N,
        **options,
    )


async def judged(storage: MetricsStorage, stub: StubServer, **options: Any) -> Evaluation:
    return await execute_plan(prepare(request(stub, **options), storage), storage)


async def test_a_judged_run_has_both_scores_and_names_its_judge(storage: MetricsStorage) -> None:
    async with StubServer(answer) as stub:
        run = await judged(storage, stub)
    assert run.status == "complete"
    assert {"exact_match", "judge", "judge_pass", "judge_format"} <= set(run.metrics)
    (block,) = run.summary.to_dict()["judge"]
    assert block["states"]["scored"] == N
    assert block["rubric"] == "qa_correctness"
    assert block["canaries"]["n"] >= 8
    assert (storage.get_run(run.run_id).summary or {})["judge"][0]["recipe"] == block["recipe"]


async def test_the_judges_tokens_are_not_the_candidates(storage: MetricsStorage) -> None:
    async with StubServer(answer) as stub:
        alone = await judged(storage, stub, judge_model=None)
        both = await judged(storage, stub)
    assert both.summary.usage.prompt_tokens == alone.summary.usage.prompt_tokens
    (usage,) = both.summary.to_dict()["judge"][0]["usage"].values()
    assert usage["calls"] > N
    assert usage["prompt_tokens"] > both.summary.usage.prompt_tokens


async def test_what_the_cache_gave_is_counted_as_such(storage: MetricsStorage) -> None:
    async with StubServer(answer) as stub:
        await judged(storage, stub)
        asked = stub.n_requests
        again = await judged(storage, stub)
        assert stub.n_requests == asked
    (usage,) = again.summary.to_dict()["judge"][0]["usage"].values()
    assert usage["cache_hits"] == usage["calls"] > N


async def test_a_broken_judge_loses_no_reply_and_repeats_none(storage: MetricsStorage) -> None:
    async with StubServer(hashed) as stub, StubServer(faults=Faults({"400": 1.0})) as broken:
        run = await judged(storage, stub, judge_model=f"openai/judge@{broken.url}")
        assert stub.n_requests == N
    (block,) = run.summary.to_dict()["judge"]
    assert block["states"]["transport_error"] == N
    (usage,) = block["usage"].values()
    assert usage["failures"] == usage["calls"] > 0
    assert block["states"]["scored"] == 0
    assert run.metrics["exact_match"].n_scored == N
    assert run.metrics["judge"].n_unscored == N
    assert run.metrics["judge"].value_scored_only is None


async def test_an_unreadable_judge_is_counted_apart_from_a_silent_one(
    storage: MetricsStorage,
) -> None:
    async with StubServer(hashed) as stub:
        run = await judged(storage, stub)
    (block,) = run.summary.to_dict()["judge"]
    assert block["states"]["parse_error"] == N
    assert any("no verdict on 12 of 12" in warning for warning in block["warnings"])
    for result in run.results():
        assert [s.state for s in result.scores if isinstance(s, Unscored)] == ["parse_error"] * 5


async def test_judge_and_candidate_of_one_family_are_warned_about(storage: MetricsStorage) -> None:
    async with StubServer(answer) as stub:
        run = await judged(storage, stub, judge_model=f"openai/candidate@{stub.url}")
    assert any("of one family" in w for w in run.summary.to_dict()["judge"][0]["warnings"])


async def test_a_judge_is_named_that_passes_canaries_or_fails_the_reference(
    storage: MetricsStorage,
) -> None:
    def always(level: str) -> Answer:
        verdict = dict.fromkeys(("correctness", "completeness", "format"), level)
        said = json.dumps({"evidence": "", "reasoning": "", "verdict": verdict})
        return lambda _prompt: said

    async with StubServer(hashed) as stub:
        for level, warned in (("2", "passed canaries: "), ("0", "did not pass the reference")):
            async with StubServer(always(level)) as judge:
                run = await judged(storage, stub, judge_model=f"openai/judge@{judge.url}")
            warnings = run.summary.to_dict()["judge"][0]["warnings"]
            assert [warned in warning for warning in warnings] == [True], warnings


async def test_scores_that_go_with_length_are_told(storage: MetricsStorage) -> None:
    def candidate(prompt: str) -> str:
        return f"{hashed(prompt)}{' word' * (len(prompt) % 9)}"

    def by_length(prompt: str) -> str:
        graded = prompt.partition("<<< candidate")[2]
        level = "2" if graded.count(" word") > 3 else "0"
        verdict = dict.fromkeys(("correctness", "completeness", "format"), level)
        return json.dumps({"evidence": "", "reasoning": "", "verdict": verdict})

    async with StubServer(candidate) as stub, StubServer(by_length) as judge:
        asked = request(stub, judge_model=f"openai/judge@{judge.url}")
        run = await execute_plan(prepare(replace(asked, limit=30), storage), storage)
    (block,) = run.summary.to_dict()["judge"]
    assert block["length_correlation"] > 0.7
    assert any("scores go with the reply's length" in warning for warning in block["warnings"])


async def test_a_wrong_key_of_the_judge_costs_no_reply(storage: MetricsStorage) -> None:
    async with StubServer(hashed) as stub, StubServer(answer, key="secret") as locked:
        with pytest.raises(ConfigError, match="the judge cannot be used"):
            await judged(storage, stub, judge_model=f"openai/judge@{locked.url}")
        assert stub.n_requests == 0
    assert storage.count_runs() == 0


async def test_an_interrupted_judged_run_goes_on_on_the_same_scale(
    storage: MetricsStorage,
) -> None:
    async with StubServer(answer) as stub:
        plan = prepare(request(stub), storage)
        stop = asyncio.Event()
        stop.set()
        first = await execute_plan(plan, storage, stop=stop)
        info = storage.get_run(first.run_id)
        again = prepare(resume_request(info), storage)
        run = await execute_plan(again, storage, resume=info)
    assert run.run_id == first.run_id
    assert run.status == "complete"
    block = run.summary.to_dict()["judge"][0]
    assert block["states"]["scored"] == N
    (before,) = first.summary.to_dict()["judge"][0]["usage"].values()
    (usage,) = block["usage"].values()
    assert usage["calls"] >= before["calls"] + N


async def test_a_resumed_run_keeps_its_scale_whatever_the_judge_gives_now(
    storage: MetricsStorage,
) -> None:
    async with StubServer(answer) as stub:
        stop = asyncio.Event()
        stop.set()
        first = await execute_plan(prepare(request(stub), storage), storage, stop=stop)
        info = storage.get_run(first.run_id)
        stub.refuses = ["logprobs"]
        plan = prepare(replace(resume_request(info), cache=False), storage)
        run = await execute_plan(plan, storage, resume=info)
    (block,) = run.summary.to_dict()["judge"]
    assert (block["mode"], block["states"]["transport_error"]) == ("logprobs", N)


async def test_a_panel_is_named_with_commas(storage: MetricsStorage) -> None:
    async with StubServer(answer) as stub:
        spec = f"openai/one@{stub.url},openai/two@{stub.url}"
        run = await judged(storage, stub, judge_model=spec)
    (block,) = run.summary.to_dict()["judge"]
    assert len(block["judges"]) == len(block["usage"]) == 2
    assert block["disagreement"] == 0.0


def test_a_judge_without_a_model_is_refused(storage: MetricsStorage, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"q": "hi", "a": "hello"}\n')
    task = tmp_path / "task.yaml"
    task.write_text(
        "name: t\ndata: rows.jsonl\nmessages: [{role: user, content: '{{ q }}'}]\n"
        "target: '{{ a }}'\nscorers: [exact_match, llm_judge]\n"
    )
    with pytest.raises(ConfigError, match="give --judge-model SPEC"):
        prepare(Request(task=str(task), model="openai/m@http://x/v1"), storage)
    with pytest.raises(ConfigError, match="--rubric is given, but no model to judge"):
        prepare(Request(task="qa", model="openai/m@http://x/v1", rubric="faithfulness"), storage)


def test_a_rescored_run_asks_the_candidate_nothing_and_names_its_parent(
    storage: MetricsStorage,
) -> None:
    with StubServer(answer).in_thread() as stub:
        parent = asyncio.run(judged(storage, stub, judge_model=None))
        asked = stub.n_requests
        spec = f"openai/judge@{stub.url}"
        child = rescore(Rescoring(run=parent.run_id, judge_model=spec), storage)
        prompts = [exchange.prompt for exchange in stub.journal[asked:]]
    assert all(stub_judge.is_judge_prompt(prompt) for prompt in prompts)
    info = storage.get_run(child.run_id)
    assert info.recipe["parent"] == (info.summary or {})["parent"] == parent.run_id
    assert child.status == "complete"
    assert child.metrics["exact_match"].value == parent.metrics["exact_match"].value
    assert child.metrics["judge"].n_scored == N
    assert child.summary.usage.cost_usd in (None, 0.0)


def test_the_judge_of_a_rescoring_sees_what_was_asked_then_and_the_candidate_is_free(
    storage: MetricsStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"who": "Ann"}\n')
    task = tmp_path / "task.yaml"
    text = (
        "name: t\ndata: rows.jsonl\nmessages: [{role: user, content: 'Greet {{ who }}'}]\n"
        "target: '{{ who }}'\nscorers: [exact_match]\n"
    )
    task.write_text(text)
    monkeypatch.setenv("LLM_EVAL_CONFIG", str(tmp_path / "models.yaml"))
    with StubServer(answer).in_thread() as stub:
        (tmp_path / "models.yaml").write_text(
            "models:\n  priced:\n    provider: openai\n    model: m\n"
            f"    base_url: {stub.url}\n    price: {{input: 1000, output: 1000}}\n"
        )
        parent = evaluate(str(task), "priced", db=storage)
        (reply,) = [r.response.text for r in parent.results() if r.response is not None]
        asked = stub.n_requests
        task.write_text(text.replace("Greet", "Insult"))
        child = rescore(Rescoring(run=parent.run_id, judge_model=f"openai/j@{stub.url}"), storage)
        graded = [e.prompt for e in stub.journal[asked:] if reply in e.prompt]
    assert ["Greet Ann" in prompt for prompt in graded] == [True]
    assert (parent.summary.usage.cost_usd or 0) > 0
    assert child.summary.usage.cost_usd == 0


def test_other_scorers_can_be_named(storage: MetricsStorage) -> None:
    with StubServer(answer).in_thread() as stub:
        parent = asyncio.run(judged(storage, stub, judge_model=None))
    child = rescore(Rescoring(run=parent.run_id, scorers=["contains"]), storage)
    assert set(child.metrics) == {"contains"}


def test_failed_samples_stay_failed(storage: MetricsStorage) -> None:
    with StubServer(answer, faults=Faults({"400": 0.5})).in_thread() as stub:
        parent = asyncio.run(judged(storage, stub, judge_model=None))
    child = rescore(Rescoring(run=parent.run_id), storage)
    assert child.status == "incomplete"
    assert child.summary.n_failed == parent.summary.n_failed > 0


def test_nothing_to_score_again_is_said(storage: MetricsStorage) -> None:
    with pytest.raises(ConfigError, match="no run"):
        rescore(Rescoring(run="latest"), storage)


def test_a_rescoring_is_gone_on_with_by_its_own_command(storage: MetricsStorage) -> None:
    with StubServer(answer).in_thread() as stub:
        asyncio.run(judged(storage, stub, judge_model=None))
        child = rescore(Rescoring(run="latest", scorers=["contains"]), storage)
    info = storage.get_run(child.run_id)
    with pytest.raises(ConfigError, match=f"llm-eval rescore --resume {child.run_id}"):
        resume_request(info)
    assert resume_rescoring(info).scorers == ["contains"]


def test_a_rescoring_of_half_a_run_is_completed_after_it(storage: MetricsStorage) -> None:
    """What the run lacked is scored when it is there; what was scored is not scored again."""
    with StubServer(answer).in_thread() as stub:
        spent = {"max_tokens_total": 100, "concurrency": 1}
        parent = asyncio.run(judged(storage, stub, judge_model=None, **spent))
        child = rescore(Rescoring(run="latest", judge_model=f"openai/j@{stub.url}"), storage)
        n_half = storage.get_run(child.run_id).n_done
        assert (child.status, child.outcome.ending) == ("incomplete", "finished")
        assert 0 < n_half < N
        whole = replace(resume_request(storage.get_run(parent.run_id)), max_tokens_total=None)
        asyncio.run(go_on(prepare(whole, storage), storage, parent.run_id))
        asked = stub.n_requests
        again = resume_rescoring(storage.get_run(child.run_id))
        ended = asyncio.run(go_on(prepare_rescoring(again, storage), storage, child.run_id))
        assert (ended.status, ended.run_id) == ("complete", child.run_id)
        assert stub.n_requests - asked <= N - n_half


async def go_on(plan: Executable, storage: MetricsStorage, run_id: str) -> Evaluation:
    return await execute_plan(plan, storage, resume=storage.get_run(run_id))


def test_a_rescoring_by_another_scorer_is_not_gone_on_with(storage: MetricsStorage) -> None:
    with StubServer(answer).in_thread() as stub:
        asyncio.run(judged(storage, stub, judge_model=None))
        child = rescore(Rescoring(run="latest", scorers=["contains"]), storage)
        other = prepare_rescoring(Rescoring(run="latest", scorers=["exact_match"]), storage)
        with pytest.raises(ConfigError, match=r"metrics, .*scorers changed since it started"):
            asyncio.run(go_on(other, storage, child.run_id))
