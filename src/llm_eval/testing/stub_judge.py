"""A stub that grades: it reads the prompt of the LLM judge and compares candidate and reference.

Not a judge of anything; it lets a judged run be tried, tested and measured without a model.
"""

import random
import re
from collections.abc import Mapping

import msgspec

from llm_eval.scorers.normalise import loose

_DATA = re.compile(r"<<< (\w+) ([0-9a-f]{16})\n(.*?)\n\2 \1 >>>", re.DOTALL)
_MENU = re.compile(r'"verdict": \{(.*?)\}\}')
_COMPARES = "You compare two replies"
_DIMENSION = re.compile(r'"(\w+)": "([\d or]+)"')


def is_judge_prompt(prompt: str) -> bool:
    """Whether an LLM judge is asked, for a grade or for the better of two."""
    return prompt.startswith(("You grade one reply by a rubric.", _COMPARES))


def verdict(prompt: str, wrong: float = 0.0) -> str:
    """The best levels where the candidate holds a line of the reference, else the worst.

    Of two replies the one that holds such a line is better; both or none: they are equal.

    Args:
        prompt: of the judge.
        wrong: share of prompts that get the opposite.
    """
    data = {name: text for name, _, text in _DATA.findall(prompt)}
    if prompt.startswith(_COMPARES):
        return _choice(data)
    candidate = data.get("candidate", "")
    right = _is_right(candidate, data)
    if random.Random(prompt).random() < wrong:  # noqa: S311 - no secret
        right = not right
    menu = _MENU.search(prompt)
    levels = {
        name: choices.split(" or ")[-1 if right else 0]
        for name, choices in _DIMENSION.findall(menu[1] if menu else "")
    }
    said = {
        "evidence": loose(candidate)[:80],
        "reasoning": "compared word by word",
        "verdict": levels,
    }
    return msgspec.json.encode(said).decode()


def _is_right(candidate: str, data: Mapping[str, str]) -> bool:
    reference = data.get("reference", "")
    lines = [loose(line) for line in reference.splitlines() if line.strip()]
    return _same_json(candidate, reference) or any(
        line and line in loose(candidate) for line in lines
    )


def _same_json(one: str, other: str) -> bool:
    """Whether both are the same JSON value, however it is written."""
    try:
        return bool(msgspec.json.decode(one) == msgspec.json.decode(other))
    except (msgspec.DecodeError, UnicodeEncodeError):
        return False


def _choice(data: Mapping[str, str]) -> str:
    one, two = (_is_right(data.get(name, ""), data) for name in ("one", "two"))
    better = "equal" if one == two else "one" if one else "two"
    said = {"evidence": "", "reasoning": "compared word by word", "better": better}
    return msgspec.json.encode(said).decode()
