"""The part of a reply that is the answer."""

import re

from llm_eval.errors import ParseError
from llm_eval.types import ModelResponse

_REASONING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
# Possessive repeats (`*+`) give nothing back: long runs of spaces and lines cost linear time.
_MARK = re.compile(
    r"^[ \t*]*+(?:final[ \t]++)?answer\**+[ \t]*+(?:is\b)?[ \t]*+[:=]\s*+\**+",
    re.IGNORECASE | re.MULTILINE,
)


def without_reasoning(text: str) -> str:
    """`text` without `<think>` blocks, also unfinished ones."""
    return _REASONING.sub("", text).strip() if "<think" in text.lower() else text.strip()


def final_answer(response: ModelResponse) -> str:
    """What follows the last `Answer:` mark, else the whole reply; its first line.

    Raises:
        ParseError: there is nothing, or the model refused.
    """
    text = without_reasoning(response.text)
    marks = list(_MARK.finditer(text))
    answer = text[marks[-1].end() :].strip() if marks else text
    if not answer:
        raise ParseError(_why_empty(response))
    return answer.splitlines()[0].strip().strip("*`").strip()


def _why_empty(response: ModelResponse) -> str:
    if response.refusal:
        return f"refused: {response.refusal[:80]!r}"
    if response.finish_reason == "length":
        return f"cut off at {response.usage.completion_tokens} tokens before an answer"
    return f"empty answer (finish reason {response.finish_reason!r})"
