"""A script that can say nothing, or nothing to this, is told at once."""

import pytest

from llm_eval.testing import ScriptedModel
from llm_eval.types import Message, Sampling

ASKED = (Message("user", "Capital of France?"),)


async def test_a_list_is_said_one_after_the_other_and_again() -> None:
    model = ScriptedModel(["Paris", "Rome"])
    said = [(await model.generate(ASKED, Sampling())).text for _ in range(3)]
    assert said == ["Paris", "Rome", "Paris"]
    assert [call.number for call in model.calls] == [0, 1, 2]


@pytest.mark.parametrize("replies", ["Paris", "", [], ()])
def test_a_text_is_no_list_of_its_letters_and_an_empty_list_no_script(
    replies: str | list[str],
) -> None:
    with pytest.raises(ValueError, match="a list of at least one reply, got"):
        ScriptedModel(replies)


async def test_what_no_reply_is_scripted_to_is_named() -> None:
    model = ScriptedModel({"Capital of Italy?": "Rome"})
    with pytest.raises(KeyError, match="no reply is scripted to 'Capital of France\\?'"):
        await model.generate(ASKED, Sampling())
