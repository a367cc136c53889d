"""A stub that grades: it reads the prompt of the LLM judge and compares candidate and reference.

Not a judge of anything; it lets a judged run be tried, tested and measured without a model.
"""

import random
import re

import msgspec

from llm_eval.scorers.normalise import loose

_DATA = re.compile(r"<<< (\w+) ([0-9a-f]{16})\n(.*?)\n\2 \1 >>>", re.DOTALL)
_MENU = re.compile(r'"verdict": \{(.*?)\}\}')
_DIMENSION = re.compile(r'"(\w+)": "([\d or]+)"')


def is_judge_prompt(prompt: str) -> bool:
    """Whether an LLM judge is asked."""
    return prompt.startswith("You grade one reply by a rubric.")


def verdict(prompt: str, wrong: float = 0.0) -> str:
    """The best levels where the candidate holds a line of the reference, else the worst.

    Args:
        prompt: of the judge.
        wrong: share of prompts that get the opposite.
    """
    data = {name: text for name, _, text in _DATA.findall(prompt)}
    candidate = loose(data.get("candidate", ""))
    references = [loose(line) for line in data.get("reference", "").splitlines() if line.strip()]
    right = any(reference and reference in candidate for reference in references)
    if random.Random(prompt).random() < wrong:  # noqa: S311 - no secret
        right = not right
    menu = _MENU.search(prompt)
    levels = {
        name: choices.split(" or ")[-1 if right else 0]
        for name, choices in _DIMENSION.findall(menu[1] if menu else "")
    }
    said = {"evidence": candidate[:80], "reasoning": "compared word by word", "verdict": levels}
    return msgspec.json.encode(said).decode()
