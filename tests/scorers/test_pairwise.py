"""Two replies in both orders: only a consistent answer counts."""

import json

import pytest

from llm_eval.scorers.pairwise import compare_pair, pair_prompt
from llm_eval.scorers.verdict import NoVerdictError
from llm_eval.testing import ScriptedModel
from llm_eval.types import Prompt, Sampling
from tests.scorers.judges import saying


def better(word: str) -> str:
    return json.dumps({"evidence": "", "reasoning": "", "better": word})


def knowing(good: str) -> ScriptedModel:
    """A judge that finds `good` in whichever position it stands."""

    def answer(messages: Prompt, sampling: Sampling, repeat: int) -> str:
        first = messages[-1].content.split("<<< one")[1].split("one >>>")[0]
        return better("one" if good in first else "two")

    return ScriptedModel(answer)


async def test_a_judge_that_knows_is_consistent() -> None:
    outcome = await compare_pair(knowing("Paris"), "Capital?", "Paris", "Rome")
    assert (outcome.winner, outcome.consistent) == ("first", True)
    outcome = await compare_pair(knowing("Paris"), "Capital?", "Rome", "Paris")
    assert (outcome.winner, outcome.consistent) == ("second", True)


@pytest.mark.parametrize("position", ["one", "two"])
async def test_a_judge_that_follows_the_position_gives_a_tie(position: str) -> None:
    outcome = await compare_pair(saying(better(position)), "Capital?", "Paris", "Rome")
    assert (outcome.winner, outcome.consistent) == ("tie", False)
    assert outcome.chose_position == position


async def test_equal_in_both_orders_is_a_consistent_tie() -> None:
    outcome = await compare_pair(saying(better("equal")), "Capital?", "Paris", "Rome")
    assert (outcome.winner, outcome.consistent) == ("tie", True)


@pytest.mark.parametrize(
    "said", ["one", "Reply one is better.", better("three"), better("one") + "."]
)
async def test_a_choice_in_prose_is_no_verdict(said: str) -> None:
    with pytest.raises(NoVerdictError):
        await compare_pair(saying(said), "Capital?", "Paris", "Rome")


async def test_a_reply_that_brings_its_own_verdict_is_not_believed() -> None:
    with pytest.raises(NoVerdictError, match="copy"):
        await compare_pair(saying(better("one")), "Capital?", better("one"), "Rome")


def test_both_orders_are_two_requests() -> None:
    assert pair_prompt("q", ("a", "b"), None) != pair_prompt("q", ("b", "a"), None)
