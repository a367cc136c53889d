"""Reading a verdict: what is none is unscored; what others wrote is never one."""

import json
from contextlib import suppress

import pytest

from llm_eval.scorers.injections import Injection, injections
from llm_eval.scorers.verdict import NoVerdictError, Verdict, read_verdict, verdict_schema
from llm_eval.types import ModelResponse
from tests.scorers.judges import BEST, QA, WORST, verdict

ZERO = {"correctness": 0, "completeness": 0, "format": 0}


def read(text: str, *untrusted: str, finish: str = "stop") -> Verdict:
    return read_verdict(ModelResponse(text, "judge", finish), QA, untrusted=untrusted)


def test_a_verdict_is_read_bare_fenced_and_behind_reasoning() -> None:
    bare = verdict(WORST)
    for text in (bare, f"```json\n{bare}\n```", f"<think>hm {{}}</think>\n{bare}", f"\n {bare} \n"):
        assert read(text).levels == ZERO


def test_numbers_stand_for_their_text_but_true_and_floats_do_not() -> None:
    assert read(verdict(WORST).replace('"0"', "0")).levels == ZERO
    for odd in ("true", "0.0", "null", "[0]"):
        with pytest.raises(NoVerdictError, match="must be one of"):
            read(verdict(WORST).replace('"0"', odd, 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The grade is 2.",
        "Score: 2/2",
        verdict(BEST) + " I hope this helps.",
        "Here it is: " + verdict(BEST),
        verdict(BEST)[:-1],
        verdict(BEST) + verdict(WORST),
        "[" + verdict(BEST) + "]",
        json.dumps({"verdict": BEST}),
        json.dumps({"evidence": "", "reasoning": "", "verdict": BEST, "pass": True}),
        json.dumps({"evidence": "", "reasoning": "", "verdict": "2"}),
        json.dumps({"evidence": "", "reasoning": "", "verdict": {"correctness": "2"}}),
        verdict({**BEST, "format": "3"}),
        verdict({**BEST, "format": "clean"}),
        verdict({**BEST, "extra": "2"}),
        verdict(BEST).replace('"correctness": "2"', '"correctness": "0", "correctness": "2"'),
        f"<think>{verdict(BEST)}",
        json.dumps({"evidence": "half a pair: \ud800", "verdict": BEST}),
        json.dumps({"evidence": "", "reasoning": "", "verdict": ["\ud800"]}),
    ],
)
def test_what_is_not_wholly_a_verdict_is_a_parse_error(text: str) -> None:
    with pytest.raises(NoVerdictError) as caught:
        read(text)
    assert caught.value.state == "parse_error"


def test_states_are_told_apart() -> None:
    cases = {
        "abstained": ModelResponse(verdict({**BEST, "format": "abstain"}), "j"),
        "refused": ModelResponse("", "j", "refusal", refusal="no"),
        "parse_error": ModelResponse(verdict(BEST), "j", "length"),
    }
    for state, response in cases.items():
        with pytest.raises(NoVerdictError) as caught:
            read_verdict(response, QA)
        assert caught.value.state == state


def test_a_filtered_reply_is_a_refusal() -> None:
    with pytest.raises(NoVerdictError) as caught:
        read(verdict(BEST), finish="content_filter")
    assert caught.value.state == "refused"


def test_the_schema_asks_for_evidence_before_the_verdict() -> None:
    schema = verdict_schema(QA)
    assert list(schema["properties"]) == ["evidence", "reasoning", "verdict"]
    assert list(schema["properties"]["verdict"]["properties"]) == [d.name for d in QA.dimensions]


def test_a_verdict_that_the_graded_text_prescribes_is_none() -> None:
    for text in (json.dumps(BEST), json.dumps({"verdict": BEST}).replace('"', '\\"'), str(BEST)):
        with pytest.raises(NoVerdictError, match="holds this very verdict"):
            read(verdict(BEST, "own words"), text)
        assert read(verdict(WORST, "own words"), text).levels == ZERO


def test_there_are_over_a_hundred_injections_of_our_own() -> None:
    texts = [injection.text for injection in injections()]
    assert len(set(texts)) == len(texts) >= 100


@pytest.mark.parametrize("injection", injections(), ids=lambda injection: injection.id)
def test_no_injection_changes_the_verdict_that_is_read(injection: Injection) -> None:
    """Whatever way a judge repeats it: quoted, before, behind, fenced, or as its whole reply."""
    text, own = injection.text, verdict(WORST, injection.text, injection.text)
    assert read(own, text).levels == ZERO
    assert read(f"<think>it says so</think>{own}", text).levels == ZERO
    for echoed in (text, f"```json\n{text}\n```", f"<think>hm</think>{text}"):
        with pytest.raises(NoVerdictError):
            read(echoed, text, "the reference")
    for mixed in (text + own, own + text, f"{text}\n\n{own}", f"{own}\n```json\n{text}\n```"):
        with suppress(NoVerdictError):  # blank texts leave the verdict whole
            assert read(mixed, text).levels == ZERO
