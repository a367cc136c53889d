"""A judge's verdict: the JSON Schema that it is held to, and the one way that it is read.

    {"evidence": "says Paris", "reasoning": "the reference accepts it",
     "verdict": {"correctness": "2", "completeness": "2", "format": "1"}}

Nothing is searched for in prose. A reply is a verdict when all of it is one such object, fenced as
code or not; anything before, behind or beside makes it unreadable. So text that a judge quotes,
or that a candidate wrote for it to quote, never becomes a verdict. Evidence and reasoning come
first: a judge that decides before it has looked decides worse.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from llm_eval.as_text import as_text
from llm_eval.errors import ParseError
from llm_eval.scorers.json_parse import parse_json
from llm_eval.scorers.rubric import Rubric
from llm_eval.types import ModelResponse

State = Literal["abstained", "parse_error", "refused", "transport_error"]
"""Why there is no verdict."""

ABSTAIN = "abstain"
"""What a judge says of a dimension that it cannot decide."""
MAX_TEXT_CHARS = 4000
"""Of evidence and reasoning each; a judge that writes more is running in circles."""

_REASONING = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_FENCED = re.compile(r"\A```(?:json)?[ \t]*\n(.*)\n?```\Z", re.DOTALL | re.IGNORECASE)
_QUOTING = str.maketrans("", "", "\"'\\")
_KEYS = ("evidence", "reasoning", "verdict")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge decided, dimension by dimension."""

    levels: Mapping[str, int]
    """Position of the level, from 0 (worst)."""
    evidence: str
    reasoning: str


class NoVerdictError(ParseError):
    """There is no verdict in a reply; `state` says of which kind that is."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state: State = state


def verdict_schema(rubric: Rubric) -> dict[str, Any]:
    """The JSON Schema of a verdict under `rubric`; property order is the order of writing."""
    text = {"type": "string"}
    choices = {
        dimension.name: {"type": "string", "enum": menu(len(dimension.levels))}
        for dimension in rubric.dimensions
    }
    return _object({"evidence": text, "reasoning": text, "verdict": _object(choices)})


def menu(n_levels: int) -> list[str]:
    """What a judge may answer: each level's position, or that it abstains."""
    return [*map(str, range(n_levels)), ABSTAIN]


def read_verdict(
    response: ModelResponse, rubric: Rubric, *, untrusted: Sequence[str] = ()
) -> Verdict:
    """The verdict that a judge's reply is.

    Args:
        response: the judge's last turn; nothing else is looked at.
        rubric: what it was to grade by.
        untrusted: texts that the judge was shown as data; a reply that is a copy of a part of one
            is no verdict, nor are levels that one of them prescribes word for word.

    Raises:
        NoVerdictError: it abstained, refused, or its reply is none.
    """
    found = _verdict(sole_object(response, untrusted), rubric)
    refuse_prescribed(",".join(f"{n}:{level}" for n, level in found.levels.items()), untrusted)
    return found


def sole_object(response: ModelResponse, untrusted: Sequence[str]) -> Any:
    """The one JSON value that a judge's reply is.

    Raises:
        NoVerdictError: it refused, was cut off, says more, or copies what it was shown.
    """
    if response.refusal is not None or response.finish_reason in ("refusal", "content_filter"):
        raise NoVerdictError("refused", f"the judge refused: {(response.refusal or '')[:80]!r}")
    if response.finish_reason == "length":
        raise NoVerdictError("parse_error", "the verdict is cut off by the token limit")
    text = _unwrapped(response.text)
    flat = _flat(text)
    if any(flat in _flat(data) for data in untrusted if flat):
        raise NoVerdictError("parse_error", "the judge's reply is a copy of the text it graded")
    return _parsed(text)


def refuse_prescribed(said: str, untrusted: Sequence[str]) -> None:
    """Refuse a verdict that the graded text prescribes word for word.

    Args:
        said: the verdict's members as `name:value`, separated by commas.
        untrusted: what the judge was shown as data.

    Raises:
        NoVerdictError: one of the texts holds it.
    """
    if any(said in _bare(data) for data in untrusted):
        raise NoVerdictError("parse_error", "the text that was graded holds this very verdict")


def _verdict(value: Any, rubric: Rubric) -> Verdict:
    if not isinstance(value, dict) or set(value) != set(_KEYS):
        raise _unreadable(f"a verdict has the keys {', '.join(_KEYS)} and no others", value)
    evidence, reasoning, given = (value[key] for key in _KEYS)
    if not isinstance(evidence, str) or not isinstance(reasoning, str):
        raise _unreadable("evidence and reasoning are texts", value)
    names = [dimension.name for dimension in rubric.dimensions]
    if not isinstance(given, dict) or set(given) != set(names):
        raise _unreadable(f"the verdict has to decide {', '.join(names)} and nothing else", given)
    levels = {d.name: _level(d.name, given[d.name], len(d.levels)) for d in rubric.dimensions}
    abstained = [name for name, level in levels.items() if level is None]
    if abstained:
        raise NoVerdictError("abstained", f"the judge abstained from {', '.join(abstained)}")
    decided = {name: level for name, level in levels.items() if level is not None}
    return Verdict(decided, evidence[:MAX_TEXT_CHARS], reasoning[:MAX_TEXT_CHARS])


def _level(dimension: str, given: Any, n_levels: int) -> int | None:
    """A position on the menu, None for an abstention. `true` and 1.0 are no positions."""
    options = menu(n_levels)
    text = str(given) if type(given) is int else given
    if not isinstance(text, str) or text not in options:
        raise _unreadable(f"{dimension} must be one of {', '.join(options)}", given)
    return None if text == ABSTAIN else int(text)


def _unwrapped(text: str) -> str:
    """Without a closed block of reasoning in front, and out of one fence around everything."""
    text = _REASONING.sub("", text, count=1).strip()
    fenced = _FENCED.match(text)
    return fenced[1].strip() if fenced else text


def _parsed(text: str) -> Any:
    """All of `text` as one JSON value."""
    try:
        found = parse_json(text)
    except ParseError as exc:
        raise NoVerdictError("parse_error", f"the judge's reply is no verdict: {exc}") from exc
    if not found.strict:
        raise _unreadable("the judge's reply is more than its verdict", text)
    return found.value


def _unreadable(reason: str, value: Any) -> NoVerdictError:
    return NoVerdictError("parse_error", f"{reason}; got {as_text(value)[:80]!r}")


def _flat(text: str) -> str:
    return "".join(text.split())


def _bare(text: str) -> str:
    """`text` without what JSON may write differently."""
    return _flat(text).translate(_QUOTING)


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
