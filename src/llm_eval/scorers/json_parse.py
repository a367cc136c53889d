"""JSON in a reply, strictly or out of the prose around it.

    Sure! Here it is: {"a": 1}  →  ParsedJSON(value={"a": 1}, strict=False)

The rule: a reply that is one JSON value is taken as it is (strict). Otherwise a reasoning block is
dropped and the last fenced block that holds JSON is taken; without one, the last outermost object
or array that stands in the text. The last, because models show drafts before the answer. A part of
a value is never taken: when the value is cut off, has a key twice, or is not quite JSON, the reply
is no answer.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from typing import Any

from llm_eval.errors import ParseError

MAX_CHARS = 1_000_000
MAX_DEPTH = 100
"""Levels of objects and arrays; every scorer may recurse this far."""

_MAX_VAIN_CHARS = 10 * MAX_CHARS
_MAX_DIGITS = 400

_REASONING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[^\n`]*\n(.*?)(?:```|\Z)", re.DOTALL)
_START = re.compile(r'\{\s*["}]|\[\s*["{\[\]\-\dtfnNI]')
"""A bracket with behind it what JSON can have there: most brackets of prose and code fall out."""
_CUT = re.compile(r'[^\s,:{}\[\]"]*+[\s`]*+\Z')
"""Nothing more than the beginning of a number or word before the text ends."""


@dataclass(frozen=True, slots=True)
class ParsedJSON:
    """A JSON value, and whether the reply was nothing else."""

    value: Any
    strict: bool


@dataclass(frozen=True, slots=True)
class _Fault:
    """Stands in a value for what JSON does not allow, so that the value's end is still found."""

    reason: str


def parse_json(text: str) -> ParsedJSON:
    """The JSON value in `text`.

    Raises:
        ParseError: there is none, or it cannot be used; says why and how the reply begins.
    """
    if len(text) > MAX_CHARS:
        raise ParseError(f"reply of {len(text):,} characters; at most {MAX_CHARS:,} are read")
    try:
        found = ParsedJSON(_loads(text), strict=True)
    except ValueError:
        found = ParsedJSON(_from_prose(_REASONING.sub("", text)), strict=False)
    fault = next(_faults(found.value), None)
    if fault is not None:
        raise ParseError(f"{fault}: {text[:80]!r}")
    return found


def _from_prose(text: str) -> Any:
    """The value of the last fenced block that holds one, else the last one in the text."""
    for block in reversed(_FENCE.findall(text)):
        try:
            return _loads(block)
        except ValueError:
            continue
    return _last_value(text)


def _last_value(text: str) -> Any:
    """The last outermost object or array.

    One pass: after a value the scan goes on behind it, and after a false start behind the bracket.
    What false starts may read is bounded, so that hostile text takes linear time.
    """
    found: Any = _Fault("no JSON in the reply")
    position, vain = 0, 0
    while (start := _START.search(text, position)) and vain < _MAX_VAIN_CHARS:
        try:
            found, position = _raw_decode(text, start.start())
        except ValueError as exc:
            if _reached_the_end(exc, text):
                return _Fault("the JSON is cut off")
            vain += len(text) - start.start()
            position = start.start() + 1
    return found


def _reached_the_end(exc: ValueError, text: str) -> bool:
    """Whether a value could not be read only because the text ends."""
    if not isinstance(exc, JSONDecodeError):
        return False
    return exc.msg.startswith("Unterminated string") or _CUT.match(text, exc.pos) is not None


def _loads(text: str) -> Any:
    text = text.strip()
    value, end = _raw_decode(text, 0)
    if end < len(text):
        raise ValueError("text after the value")
    return value


def _raw_decode(text: str, position: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, position)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _faults(value: Any) -> Iterator[str]:
    """Why `value` cannot be used, level by level: no recursion."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        yield from (item.reason for item in level if isinstance(item, _Fault))
        level = [inner for item in level for inner in _inside(item)]
        if not level:
            return
    yield f"JSON nested over {MAX_DEPTH} levels deep"


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _object(pairs: list[tuple[str, Any]]) -> "dict[str, Any] | _Fault":
    """A duplicate key makes two readings possible: that is no answer."""
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    counts = Counter(key for key, _ in pairs)
    twice = next(key for key, n in counts.items() if n > 1)
    return _Fault(f"the key {twice[:40]!r} stands twice in one object")


def _constant(name: str) -> _Fault:
    return _Fault(f"{name} is not JSON")


def _integer(text: str) -> "int | _Fault":
    """Digits without end would take quadratic time to read."""
    if len(text) > _MAX_DIGITS:
        return _Fault(f"a number of over {_MAX_DIGITS} digits")
    return int(text)


def _float(text: str) -> "float | _Fault":
    value = float(text)
    return value if math.isfinite(value) else _Fault(f"the number {text[:20]} is too large")


_DECODER = JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_float
)
