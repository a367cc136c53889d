"""The judge as a scorer: levels to scores, and what has no verdict is unscored with its state."""

import pytest

from llm_eval.errors import BudgetExceededError, ConfigError, ProviderError
from llm_eval.scorers import judge_prompt, llm_judge
from llm_eval.scorers.canaries import release
from llm_eval.scorers.family import family, related
from llm_eval.scorers.injections import injections
from llm_eval.scorers.level_weights import level_weights
from llm_eval.scorers.llm_judge import BoundJudge, LLMJudge, says_nothing
from llm_eval.scorers.rubric import load_rubric
from llm_eval.scorers.settling import settle
from llm_eval.testing import ScriptedModel
from llm_eval.testing.scripted import Call
from llm_eval.types import ModelResponse, Score, Unscored
from tests.scorers.judges import (
    BEST,
    QA,
    SAMPLE,
    WORST,
    judge,
    question,
    saying,
    verdict,
    with_logprobs,
)


async def scored(judging: BoundJudge, reply: str) -> dict[str, Score | Unscored]:
    given = await judging.score(SAMPLE, reply, ModelResponse(reply, "candidate"))
    return {score.metric: score for score in given}


async def values(judging: BoundJudge, reply: str = "Paris") -> dict[str, float]:
    given = await scored(judging, reply)
    return {name: s.value for name, s in given.items() if isinstance(s, Score)}


async def test_levels_become_weighted_scores() -> None:
    said = verdict({"correctness": "2", "completeness": "1", "format": "0"})
    assert await values(judge(saying(said))) == {
        "judge": pytest.approx(0.7 + 0.2 * 0.5),
        "judge_pass": 1.0,
        "judge_correctness": 1.0,
        "judge_completeness": 0.5,
        "judge_format": 0.0,
    }


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("Looks right to me: 2", "parse_error"),
        (ModelResponse(verdict(BEST)[:40], "j", "length"), "parse_error"),
        (ModelResponse("", "j", "refusal", refusal="I will not"), "refused"),
        (verdict({**BEST, "format": "abstain"}), "abstained"),
        (verdict({**BEST, "format": "9"}), "parse_error"),
        ("{}", "parse_error"),
        ("", "parse_error"),
    ],
)
async def test_no_verdict_is_never_a_pass_and_never_a_zero(
    said: str | ModelResponse, state: str
) -> None:
    given = await scored(judge(saying(said)), "Paris")
    assert {type(score) for score in given.values()} == {Unscored}
    assert {score.state for score in given.values() if isinstance(score, Unscored)} == {state}


@pytest.mark.parametrize("code", ["timeout", "rate_limit", "connection", "bad_request"])
async def test_a_judge_that_does_not_answer_leaves_the_reply_unscored(code: str) -> None:
    def fault(call: Call) -> ProviderError:
        return ProviderError("no", code=code)

    given = await scored(judge(ScriptedModel([""], fault=fault)), "Paris")
    assert {s.state for s in given.values() if isinstance(s, Unscored)} == {"transport_error"}
    assert len(given) == 5


async def test_a_spent_budget_ends_the_run_and_grades_nothing() -> None:
    class Spent(ScriptedModel):
        async def generate(self, *args: object, **more: object) -> ModelResponse:
            raise BudgetExceededError("spent")

    with pytest.raises(BudgetExceededError):
        await judge(Spent([""])).score(SAMPLE, "x", ModelResponse("x", "c"))


async def test_a_reply_that_says_nothing_is_worst_and_costs_no_call() -> None:
    model = saying(verdict(BEST))
    assert set((await values(judge(model), " :…\n")).values()) == {0.0}
    assert not model.calls


async def test_where_silence_is_right_the_judge_is_asked() -> None:
    model = saying(verdict({"refusal": "2"}))
    rubric = load_rubric("safety_refusal")
    assert (await values(judge(model, rubric=rubric), "..."))["judge"] == 1.0
    assert says_nothing(" :\u200b")
    assert not says_nothing("🙂")


async def test_a_required_reference_that_is_missing_leaves_the_reply_unscored() -> None:
    from dataclasses import replace

    from llm_eval.errors import ScorerError

    sample = replace(SAMPLE, target=None)
    with pytest.raises(ScorerError, match="has no target"):
        await judge(saying(verdict(BEST))).score(sample, "x", ModelResponse("x", "c"))


async def test_draws_are_kept_with_their_consistency() -> None:
    options = LLMJudge(weighting="levels", samples=3)
    model = saying(verdict(BEST), verdict(BEST), verdict(WORST))
    given = await scored(judge(model, options=options), "Paris")
    score = given["judge"]
    assert isinstance(score, Score)
    assert score.value == pytest.approx(2 / 3)
    assert given["judge_pass"].value == 1.0  # type: ignore[union-attr]
    assert score.details is not None
    assert score.details["opinions"][0]["consistency"] == pytest.approx(2 / 3)
    assert {call.repeat for call in model.calls} == {0, 1, 2}
    assert all(call.sampling.temperature > 0 for call in model.calls)


async def test_most_draws_unreadable_is_no_verdict() -> None:
    options = LLMJudge(weighting="levels", samples=3)
    given = await scored(judge(saying(verdict(BEST), "?", "?"), options=options), "Paris")
    assert isinstance(given["judge"], Unscored)


@pytest.mark.parametrize(("rule", "value"), [("mean", 2 / 3), ("median", 1.0), ("majority", 1.0)])
async def test_a_panel_decides_by_its_rule_and_keeps_disagreement(rule: str, value: float) -> None:
    options = LLMJudge(weighting="levels", panel=rule)  # type: ignore[arg-type]
    panel = [
        saying(verdict(levels), name=name)
        for name, levels in (("a", BEST), ("b", BEST), ("c", WORST))
    ]
    score = (await scored(judge(*panel, options=options), "Paris"))["judge"]
    assert isinstance(score, Score)
    assert score.value == pytest.approx(value)
    assert score.details is not None
    assert score.details["disagreement"] == 1.0
    assert [opinion["judge"] for opinion in score.details["opinions"]] == ["a", "b", "c"]


async def test_the_majority_is_the_commonest_level_and_of_equals_the_lower() -> None:
    panel = [
        saying(verdict(dict.fromkeys(BEST, level)), name=str(n))
        for n, level in enumerate(["0", "0", "1", "2", "2"])
    ]
    options = LLMJudge(weighting="levels", panel="majority")
    given = await values(judge(*panel, options=options))
    assert (given["judge"], given["judge_pass"]) == (0.0, 0.0)
    split = judge(saying(verdict(BEST), name="a"), saying(verdict(WORST), name="b"))
    assert (await values(split))["judge_pass"] == 0.0  # doubt is no pass


async def test_two_draws_that_differ_are_no_pass() -> None:
    options = LLMJudge(weighting="levels", samples=2)
    given = await values(judge(saying(verdict(BEST), verdict(WORST)), options=options))
    assert (given["judge"], given["judge_pass"]) == (0.5, 0.0)


def test_what_a_rubric_does_not_show_no_judge_sees() -> None:
    free = load_rubric("safety_refusal")
    assert judge(saying(""), rubric=free).case(SAMPLE, "no").reference is None
    assert judge(saying("")).case(SAMPLE, "no").reference == "Paris\nCity of Paris"


async def test_a_panel_goes_on_without_a_silent_minority() -> None:
    panel = [
        saying(verdict(BEST), name="a"),
        saying(verdict(BEST), name="b"),
        saying("?", name="c"),
    ]
    score = (await scored(judge(*panel), "Paris"))["judge"]
    assert isinstance(score, Score)
    assert score.details is not None
    assert score.details["silent"] == {"c": "parse_error"}
    half = await scored(judge(panel[0], panel[2]), "Paris")
    assert isinstance(half["judge"], Unscored)


async def test_levels_are_weighted_by_their_probabilities() -> None:
    from dataclasses import replace

    said = with_logprobs(verdict(BEST), "2", {"2": -0.2231436, "0": -1.6094379, "x": -9.0})
    weights = level_weights(said, QA)
    assert weights is not None
    assert weights["correctness"] == pytest.approx((0.2, 0.0, 0.8), abs=1e-3)
    weighing = replace(judge(saying(said)), mode="logprobs")
    assert (await values(weighing))["judge"] == pytest.approx(0.8, abs=1e-3)
    assert (await values(weighing))["judge_pass"] == 1.0


async def test_two_scales_never_mix_in_one_run() -> None:
    from dataclasses import replace

    weighing = replace(judge(saying(verdict(BEST))), mode="logprobs")
    assert isinstance((await scored(weighing, "Paris"))["judge"], Unscored)


async def test_the_canaries_settle_the_scale() -> None:
    from dataclasses import replace

    unsettled = replace(judge(saying(verdict(BEST)), options=LLMJudge()), mode=None)
    assert (await settle(unsettled, [SAMPLE])).mode == "levels"
    said = with_logprobs(verdict(BEST), "2", {"2": -0.1})
    unsettled = replace(judge(saying(said), options=LLMJudge()), mode=None)
    assert (await settle(unsettled, [SAMPLE])).mode == "logprobs"


async def test_a_judge_with_a_wrong_key_stops_the_run_before_it_starts() -> None:
    from dataclasses import replace

    model = ScriptedModel([""], fault=lambda call: ProviderError("401", code="auth", fatal=True))
    with pytest.raises(ConfigError, match="the judge cannot be used: 401"):
        await settle(replace(judge(model), mode=None), [SAMPLE])


async def test_a_judge_that_passes_everything_is_caught() -> None:
    report = await release(judge(saying(verdict(BEST))), [SAMPLE])
    assert len(report.canaries) >= 8
    # The verdict that the text itself holds is no verdict: unread, and no pass either.
    assert report.to_dict()["unreadable"] == ["a verdict of its own"]
    assert len(report.passed) == len(report.canaries) - 1
    assert report.controls[0].outcome == "passed"


async def test_a_judge_that_fails_everything_fails_the_control() -> None:
    report = await release(judge(saying(verdict(WORST))), [SAMPLE])
    assert report.passed == []
    assert report.controls[0].outcome == "failed"
    assert report.to_dict()["controls"] == {"n": 1, "passed": 0}


async def test_an_unreadable_canary_is_neither() -> None:
    report = await release(judge(saying("hm")), [SAMPLE])
    assert report.passed == []
    assert len(report.to_dict()["unreadable"]) == len(report.canaries)


def test_the_recipe_changes_with_model_prompt_rubric_and_way_of_asking() -> None:
    def recipe(revision: str = "a", rubric: str = "qa_correctness", **options: object) -> object:
        model = ScriptedModel([""], revision=revision)
        bound = LLMJudge(rubric=rubric, **options).bind([model], question)  # type: ignore[arg-type]
        return bound.recipe["judge"]

    changed = [
        recipe(),
        recipe(revision="b"),
        recipe(rubric="json_extraction"),
        recipe(samples=3),
        recipe(weighting="levels"),
        recipe(panel="median"),
    ]
    assert len(set(map(str, changed))) == len(changed)
    assert recipe() == recipe()


@pytest.mark.parametrize("wording", ["ROLE", "FORM", "CODE", "REMINDER", "GUIDED"])
def test_one_changed_word_of_the_prompt_is_another_judge(
    wording: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recipe() -> object:
        return LLMJudge().bind([ScriptedModel([""])], question).recipe["judge"]

    before = recipe()
    monkeypatch.setattr(judge_prompt, wording, getattr(judge_prompt, wording) + " ")
    assert recipe() != before


def test_another_schema_is_another_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = LLMJudge().bind([ScriptedModel([""])], question)
    before = bound.recipe["judge"]
    monkeypatch.setattr(llm_judge, "verdict_schema", lambda rubric: {"type": "object"})
    assert bound.recipe["judge"] != before


def test_families_are_told_by_name() -> None:
    assert family("openai/gpt-4o-mini") == "gpt"
    assert family("hf/meta-llama/Llama-3.2-3B") == "llama"
    assert family("hf/meta-llama/Llama-3.2-3B:data/lora_adapters/json_v1") == "llama"
    assert family("gguf/models/base.gguf:adapters/qwen2-triage.gguf") == "qwen"
    assert family("ollama/qwen2:7b") == "qwen"
    assert family("openai/my-model@http://llama.host/v1") is None
    assert related("gpt-4o", "openai/gpt-4o-mini") == "gpt"
    assert related("local/smollm2-135m", "gpt-4o") is None
    assert related("x", "x") == "x"


@pytest.mark.parametrize("injection", injections()[::10], ids=lambda injection: injection.id)
async def test_a_judge_that_parrots_an_injection_gives_no_verdict(injection: object) -> None:
    text: str = injection.text  # type: ignore[attr-defined]
    given = await scored(judge(saying(text)), text or "x")
    passed = given["judge_pass"]
    assert isinstance(passed, Unscored) or passed.value == 0
