"""JSON in a reply, strictly or out of the prose around it.

    Sure! Here it is: {"a": 1}  →  ParsedJSON(value={"a": 1}, strict=False)

The rule: a reply that is one JSON value is taken as it is (strict). Otherwise a reasoning block is
dropped and the last fenced block that holds JSON is taken; without one, the last complete object
or array that stands in the text. The last, because models show drafts before the answer.
"""

import math
import re
from dataclasses import dataclass
from json import JSONDecoder
from typing import Any, NoReturn

from llm_eval.errors import ParseError

MAX_CHARS = 1_000_000

_REASONING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[ \t]*[\w-]*[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ParsedJSON:
    """A JSON value, and whether the reply was nothing else."""

    value: Any
    strict: bool


def parse_json(text: str) -> ParsedJSON:
    """The JSON value in `text`.

    Raises:
        ParseError: there is none; shows how the reply begins.
    """
    if len(text) > MAX_CHARS:
        raise ParseError(f"reply of {len(text):,} characters; at most {MAX_CHARS:,} are read")
    try:
        return ParsedJSON(_loads(text.strip()), strict=True)
    except ValueError:
        pass
    answer = _REASONING.sub("", text)
    for block in reversed(_FENCE.findall(answer)):
        try:
            return ParsedJSON(_loads(block.strip()), strict=False)
        except ValueError:
            continue
    found = _last_value(answer)
    if found is None:
        raise ParseError(f"no JSON in the reply: {text[:80]!r}")
    return ParsedJSON(found, strict=False)


def _last_value(text: str) -> Any:
    """The last outermost object or array that is complete; None where there is none.

    One pass: after a value the scan goes on behind it, and after a false start behind the bracket.
    False starts are bounded so that hostile text stays linear.
    """
    found, position, false_starts = None, 0, 0
    while (position := _next_bracket(text, position)) >= 0 and false_starts < 100:
        try:
            found, position = _raw_decode(text, position)
        except ValueError:
            false_starts += 1
            position += 1
    return found


def _next_bracket(text: str, position: int) -> int:
    starts = [at for at in (text.find("{", position), text.find("[", position)) if at >= 0]
    return min(starts, default=-1)


def _loads(text: str) -> Any:
    value, end = _raw_decode(text, 0)
    if text[end:].strip():
        raise ValueError("text after the value")
    return value


def _raw_decode(text: str, position: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, position)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A duplicate key makes two readings possible: that is no answer."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("duplicate key")
    return made


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _integer(text: str) -> int:
    """Digits without end would take quadratic time to read."""
    if len(text) > 400:
        raise ValueError("a number of over 400 digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large")
    return value


_DECODER = JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_float
)
