"""How a judge is asked is settled by definite answers alone, once, before anything is graded."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from llm_eval.errors import ConfigError, ProviderError
from llm_eval.fingerprint import identify
from llm_eval.scorers.canaries import release
from llm_eval.scorers.llm_judge import BoundJudge, LLMJudge
from llm_eval.scorers.settling import settle, settled_as
from llm_eval.scorers.unconstrained import Unconstrained, fitting
from llm_eval.testing import ScriptedModel
from llm_eval.testing.scripted import Call
from llm_eval.types import Message, ModelResponse, Sampling, Unscored
from tests.scorers.judges import BEST, SAMPLE, judge, verdict, with_logprobs

WEIGHED = with_logprobs(verdict(BEST), "2", {"2": -0.1})
SAMPLES = [SAMPLE, identify("qa", "2", {"question": "Capital of Italy?"}, ["Rome"])]
Fault = Callable[[Call], ProviderError | None]


def unable(name: str = "judge") -> ScriptedModel:
    """Gives none, whoever asks."""
    return ScriptedModel([verdict(BEST)], name=name)


def weighing(fault: Fault | None = None, name: str = "judge") -> ScriptedModel:
    """Gives log-probabilities to whoever asks for them."""

    def answer(_messages: object, sampling: Sampling, _repeat: int) -> str | ModelResponse:
        return verdict(BEST) if sampling.top_logprobs is None else WEIGHED

    return ScriptedModel(answer, name=name, fault=fault)


def unsettled(*models: ScriptedModel, **options: object) -> BoundJudge:
    chosen = LLMJudge(**options)  # type: ignore[arg-type]
    return replace(judge(*models, options=chosen), mode=None)


def silent(call: Call) -> ProviderError:
    return ProviderError("no reply within 5 s", code="timeout", retryable=True)


def refusing(*fields: str) -> Fault:
    """An endpoint that knows nothing of some fields of `Sampling`."""

    def fault(call: Call) -> ProviderError | None:
        asked = [name for name in fields if getattr(call.sampling, name) is not None]
        return ProviderError(f"no {asked}", code="bad_request", status=400) if asked else None

    return fault


async def test_a_first_question_without_an_answer_decides_nothing() -> None:
    once: Fault = lambda call: silent(call) if call.number == 0 else None  # noqa: E731
    assert (await settle(unsettled(weighing(once)), SAMPLES)).mode == "logprobs"
    assert (await settle(unsettled(weighing()), SAMPLES)).mode == "logprobs"


async def test_a_judge_that_never_answered_grades_nothing_and_is_asked_no_more() -> None:
    model = weighing(silent)
    settled = await settle(unsettled(model), SAMPLES)
    assert settled.mode is None
    asked = len(model.calls)
    assert asked == len(SAMPLES)
    given = await settled.score(SAMPLE, "Paris", ModelResponse("Paris", "candidate"))
    assert {s.state for s in given if isinstance(s, Unscored)} == {"transport_error"}
    assert len(given) == 5
    report = await release(settled, SAMPLES)
    assert len(report.to_dict()["unreadable"]) == len(report.canaries)
    assert len(model.calls) == asked


async def test_a_panel_waits_for_all_unless_one_says_no() -> None:
    able, down, never = weighing(name="a"), weighing(silent, "b"), unable("c")
    assert (await settle(unsettled(able, down), SAMPLES)).unsettled is not None
    assert (await settle(unsettled(able, down, never), SAMPLES)).mode == "levels"
    assert (await settle(unsettled(able, never), SAMPLES)).mode == "levels"


async def test_where_the_scale_is_given_silence_at_first_is_no_obstacle() -> None:
    settled = await settle(unsettled(weighing(silent), weighting="levels"), SAMPLES)
    assert (settled.mode, settled.unsettled) == ("levels", None)


async def test_no_log_probabilities_is_an_answer_and_asked_once() -> None:
    model = unable()
    assert (await settle(unsettled(model), SAMPLES)).mode == "levels"
    assert len(model.calls) == 1


@pytest.mark.parametrize(
    ("refused", "mode", "plain"),
    [
        (("top_logprobs",), "levels", False),
        (("json_schema",), "logprobs", True),
        (("json_schema", "top_logprobs"), "levels", True),
        ((), "logprobs", False),
    ],
)
async def test_what_an_endpoint_refuses_is_left_out(
    refused: tuple[str, ...], mode: str, plain: bool
) -> None:
    settled = await settle(unsettled(weighing(refusing(*refused))), SAMPLES)
    assert settled.mode == mode
    assert isinstance(settled.judges[0], Unconstrained) == plain
    given = await settled.score(SAMPLE, "Paris", ModelResponse("Paris", "candidate"))
    assert [s for s in given if isinstance(s, Unscored)] == []


async def test_without_a_schema_it_is_another_judge_and_a_resumed_run_keeps_it() -> None:
    with_schema = await settle(unsettled(weighing()), SAMPLES)
    plain = await settle(unsettled(weighing(refusing("json_schema"))), SAMPLES)
    assert plain.recipe["judge"] != with_schema.recipe["judge"]
    again = settled_as(unsettled(weighing()), plain.recipe)
    assert again.recipe == plain.recipe
    assert settled_as(unsettled(weighing()), with_schema.recipe).recipe == with_schema.recipe


async def test_a_run_that_began_unsettled_stays_so() -> None:
    began = await settle(unsettled(weighing(silent)), SAMPLES)
    again = settled_as(unsettled(weighing()), began.recipe)
    assert again.unsettled is not None
    assert again.recipe == began.recipe


async def test_one_refusal_is_a_hiccup() -> None:
    def once(call: Call) -> ProviderError | None:
        return ProviderError("?", code="bad_request", status=400) if call.number == 0 else None

    settled = await settle(unsettled(weighing(once)), SAMPLES)
    assert settled.mode == "logprobs"
    assert not isinstance(settled.judges[0], Unconstrained)


async def test_a_question_that_is_too_long_says_nothing_of_the_endpoint() -> None:
    def long(call: Call) -> ProviderError | None:
        asked = call.messages[-1].content
        too_long = "Capital of France?" in asked
        return ProviderError("too long", code="context_length", status=400) if too_long else None

    settled = await settle(unsettled(weighing(long)), SAMPLES)
    assert (settled.mode, settled.judges[0].identity.get("constrained")) == ("logprobs", None)


async def test_a_sample_that_cannot_be_judged_stops_neither_question_nor_canaries() -> None:
    bare = replace(SAMPLE, target=None)
    assert (await settle(unsettled(weighing()), [bare, SAMPLE])).mode == "logprobs"
    assert {c.sample_id for c in (await release(judge(weighing()), [bare, SAMPLE])).canaries} == {
        SAMPLE.id
    }
    nothing = await settle(unsettled(weighing()), [bare])
    assert "no sample can be put before it" in (nothing.unsettled or "")
    assert (await release(judge(weighing()), [bare])).canaries == ()


async def test_a_wrong_key_stops_the_run_before_it_starts() -> None:
    model = weighing(lambda _call: ProviderError("401", code="auth", status=401, fatal=True))
    with pytest.raises(ConfigError, match="the judge cannot be used: 401"):
        await settle(unsettled(model), SAMPLES)


async def test_a_comparing_judge_is_fitted_alike() -> None:
    asked = (Message("user", "which?"),)
    sampling = Sampling(json_schema={"type": "object"})
    refuses = weighing(refusing("json_schema"))
    assert isinstance(await fitting(refuses, asked, sampling), Unconstrained)
    for model in (weighing(), weighing(silent), weighing(refusing("temperature"))):
        assert await fitting(model, asked, sampling) is model
