"""Default judges of other tools, re-implemented: what they show, in which frame, and how they read.

Written anew in our own words after their sources; kept are the role, the order and the frame of
what is shown, the form of the verdict, and to the letter how a reply becomes a pass.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llm_eval.types import Message, Prompt

Passed = bool | None
"""None: the tool says that it could not read a verdict."""


@dataclass(frozen=True, slots=True)
class OtherJudge:
    """One tool's default."""

    name: str
    prompt: Callable[[str, str, str], Prompt]
    """Of question, reference, reply."""
    read: Callable[[str], Passed]
    schema: Mapping[str, Any] | None = None


def _object(text: str) -> Any:
    """The first JSON object that stands in a text."""
    decoder = json.JSONDecoder()
    for start in (match.start() for match in re.finditer(r"\{", text)):
        try:
            return decoder.raw_decode(text, start)[0]
        except ValueError:
            continue
    return None


def _rubric_prompt(question: str, reference: str, reply: str) -> Prompt:
    system = (
        "You grade output by a rubric that the user gives. Where the rubric's statement is true of "
        "the output, the output passes. Respond with a JSON object of this form: "
        "{reason: string, pass: boolean, score: number}\n\nExamples:\n\n"
        "<Output>Good morning</Output>\n<Rubric>Is a greeting</Rubric>\n"
        '{"reason": "it greets", "pass": true, "score": 1.0}\n\n'
        "<Output>Ahoy, ye landlubber</Output>\n<Rubric>Does not talk like a pirate</Rubric>\n"
        '{"reason": "it does", "pass": false, "score": 0.0}'
    )
    rubric = f"Answers the question {question!r} with {reference!r}"
    user = f"<Output>\n{reply}\n</Output>\n<Rubric>\n{rubric}\n</Rubric>"
    return (Message("system", system), Message("user", user))


def _rubric_read(text: str) -> Passed:
    """A verdict that lacks `pass` passes."""
    found = _object(text)
    if not isinstance(found, dict):
        return None
    passed = found.get("pass")
    return True if passed is None else bool(passed)


def _steps_prompt(question: str, reference: str, reply: str) -> Prompt:
    text = (
        "Following the evaluation steps, return JSON with two keys: `score`, from 0 (does not meet "
        "the criteria) to 10 (meets them), and `reason`.\n\nEvaluation Steps:\n"
        "1. Compare the actual output with the expected output.\n"
        "2. Check that it answers the input.\n3. Punish contradictions.\n\n"
        f"Input:\n{question}\n\nActual Output:\n{reply}\n\nExpected Output:\n{reference}\n\n"
        "**\nIMPORTANT: return JSON only, with `score` and `reason`.\n**\n\nJSON:\n"
    )
    return (Message("user", text),)


def _steps_read(text: str) -> Passed:
    """What stands between the first and the last brace; passes from half of the scale on."""
    start, end = text.find("{"), text.rfind("}")
    try:
        return float(json.loads(text[start : end + 1])["score"]) / 10 >= 0.5
    except (ValueError, KeyError, TypeError):
        return None


def _criterion(question: str, reference: str, reply: str) -> str:
    return (
        "Assess a submitted answer on a task by a criterion. Here is the data:\n[BEGIN DATA]\n***\n"
        f"[Task]: {question}\n***\n[Submission]: {reply}\n***\n[Criterion]: {reference}\n***\n"
        "[END DATA]\nDoes the submission meet the criterion?"
    )


def _letter_prompt(question: str, reference: str, reply: str) -> Prompt:
    ask = (
        "First reason step by step, and do not state the conclusion at the outset. Then print only "
        'the character "Y" or "N" on a line of its own, and repeat it on a last line.\n\nReasoning:'
    )
    return (Message("user", f"{_criterion(question, reference, reply)} {ask}"),)


def _letter_read(text: str) -> Passed:
    """Whether the text ends with the letter."""
    return text.rstrip().endswith("Y")


def _grade_prompt(question: str, reference: str, reply: str) -> Prompt:
    ask = (
        "After assessing the answer, reply with 'GRADE: $LETTER', where LETTER is C for a correct "
        "and I for an incorrect answer. First reason step by step; end with the grade."
    )
    return (Message("user", f"{_criterion(question, reference, reply)}\n\n{ask}"),)


def _grade_read(text: str) -> Passed:
    """The last grade in the text."""
    found = re.findall(r"(?i)GRADE\s*:\s*([CPI])", text)
    return found[-1].upper() == "C" if found else None


def _factuality_prompt(question: str, reference: str, reply: str) -> Prompt:
    text = (
        "Compare a submitted answer with an expert's answer to a question. Here is the data:\n"
        f"[BEGIN DATA]\n************\n[Question]: {question}\n************\n[Expert]: {reference}\n"
        f"************\n[Submission]: {reply}\n************\n[END DATA]\n\nCompare the facts; "
        "ignore style, grammar and punctuation. Select one:\n"
        "(A) The submission is a subset of the expert's answer and consistent with it.\n"
        "(B) It is a superset and consistent with it.\n(C) It has all the same details.\n"
        "(D) The two disagree.\n(E) They differ in what does not matter for the facts."
    )
    return (Message("user", text),)


def _factuality_read(text: str) -> Passed:
    """By a tool call: its choices are worth .4, .6, 1, 0 and 1; passes from .5 on."""
    found = _object(text)
    choice = found.get("choice") if isinstance(found, dict) else None
    return None if choice not in set("ABCDE") else choice in "BCE"


OTHERS = (
    OtherJudge("promptfoo llm-rubric", _rubric_prompt, _rubric_read),
    OtherJudge("deepeval GEval", _steps_prompt, _steps_read),
    OtherJudge("promptfoo closed-qa", _letter_prompt, _letter_read),
    OtherJudge("Inspect model_graded_qa", _grade_prompt, _grade_read),
    OtherJudge(
        "autoevals Factuality",
        _factuality_prompt,
        _factuality_read,
        {
            "type": "object",
            "properties": {
                "reasons": {"type": "string"},
                "choice": {"type": "string", "enum": list("ABCDE")},
            },
            "required": ["reasons", "choice"],
            "additionalProperties": False,
        },
    ),
)
