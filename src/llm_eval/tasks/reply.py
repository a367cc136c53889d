"""The part of a reply that is the answer."""

import re

from llm_eval.errors import ParseError
from llm_eval.types import ModelResponse

_REASONING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_UNOPENED = re.compile(r"\A.*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[\w+-]*")
# Possessive repeats (`*+`) give nothing back: long runs of spaces and lines cost linear time.
_MARK = re.compile(
    r"^[ \t*]*+(?:final[ \t]++)?answer\**+[ \t]*+(?:is\b)?[ \t]*+[:=]\s*+\**+",
    re.IGNORECASE | re.MULTILINE,
)


def without_reasoning(text: str) -> str:
    """`text` without `<think>` blocks: also unfinished ones, and one that the prompt had opened.

    Templates of reasoning models end in `<think>`, so that the reply holds its end alone.
    """
    if "think" not in text.lower():
        return text.strip()
    return _UNOPENED.sub("", _REASONING.sub("", text)).strip()


def final_answer(response: ModelResponse) -> str:
    """The first line that says anything behind the last `Answer:` mark, or of the whole reply.

    Raises:
        ParseError: there is nothing, or the model refused.
    """
    text = without_reasoning(response.text)
    marks = list(_MARK.finditer(text))
    answer = text[marks[-1].end() :] if marks else text
    for line in map(str.strip, answer.splitlines()):
        # A fence of code around the answer is no answer, nor is the language that it names.
        if not _FENCE.fullmatch(line) and (bare := line.strip("*`").strip()):
            return bare
    raise ParseError(_why_empty(response))


def _why_empty(response: ModelResponse) -> str:
    if response.refusal:
        return f"refused: {response.refusal[:80]!r}"
    if response.finish_reason == "length":
        return f"cut off at {response.usage.completion_tokens} tokens before an answer"
    return f"empty answer (finish reason {response.finish_reason!r})"
