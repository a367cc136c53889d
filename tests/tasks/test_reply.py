"""The part of a reply that is the answer."""

import contextlib
import time

import pytest

from llm_eval.errors import ParseError
from llm_eval.tasks.reply import final_answer, without_reasoning
from llm_eval.types import ModelResponse, Usage


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Paris", "Paris"),
        ("  Paris \nbecause it is.", "Paris"),
        ("Answer: Paris", "Paris"),
        ("It may be Lyon.\nAnswer: Lyon\nNo.\nFinal answer: Paris\nDone.", "Paris"),
        ("**Answer:** Paris", "Paris"),
        ("**Final Answer**: **Paris**", "Paris"),
        ("answer is: Paris", "Paris"),
        ("Answer = 42", "42"),
        ("Answer:\n\nParis", "Paris"),
        ("<think>Answer: Lyon</think>\nParis", "Paris"),
        ("<THINKING>hm</THINKING>Answer: Paris", "Paris"),
        ("The answer: is unclear", "The answer: is unclear"),
        ("`Paris`", "Paris"),
        ("```\nParis\n```", "Paris"),
        ("```text\r\nParis\r\n```", "Paris"),
        ("Answer:\n```python\n42\n```", "42"),
        ("**\nParis\n**", "Paris"),
        ("Lyon? No.\nAnswer: Lyon</think>\n\nParis", "Paris"),
    ],
)
def test_the_answer_in_a_reply(text: str, answer: str) -> None:
    assert final_answer(ModelResponse(text, "m")) == answer


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (ModelResponse("", "m"), "empty answer (finish reason 'stop')"),
        (ModelResponse(" \n", "m"), "empty answer (finish reason 'stop')"),
        (ModelResponse("```\n```", "m"), "empty answer (finish reason 'stop')"),
        (ModelResponse("****", "m"), "empty answer (finish reason 'stop')"),
        (ModelResponse("Answer: ", "m"), "empty answer (finish reason 'stop')"),
        (
            ModelResponse("<think>so", "m", "length", Usage(completion_tokens=64)),
            "cut off at 64 tokens before an answer",
        ),
        (ModelResponse("", "m", refusal="I cannot."), "refused: 'I cannot.'"),
    ],
)
def test_without_an_answer_the_reason_is_told(response: ModelResponse, why: str) -> None:
    with pytest.raises(ParseError) as caught:
        final_answer(response)
    assert str(caught.value) == why


def test_reasoning_is_dropped_also_unfinished() -> None:
    assert without_reasoning("a <think>b</think> c <think>d") == "a  c"
    assert without_reasoning(" plain ") == "plain"
    assert without_reasoning("a <think>b</think> I think c") == "a  I think c"
    assert without_reasoning("b</THINK> c</think>\nd") == "d"


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 300_000 + "x",
        " " * 300_000 + "x",
        "* " * 150_000,
        "answer" + " " * 300_000,
        "answer " * 40_000,
        "<think>" * 40_000,
        "</think" * 40_000,
        "```\n" * 80_000,
        "final " * 40_000 + "answer",
    ],
    ids=["lines", "spaces", "stars", "mark", "marks", "thinking", "thought", "fences", "final"],
)
def test_time_grows_no_faster_than_the_reply(text: str) -> None:
    start = time.thread_time()
    for reply in (f"x{text}", text):
        with contextlib.suppress(ParseError):
            final_answer(ModelResponse(reply, "m"))
    assert time.thread_time() - start < 5
