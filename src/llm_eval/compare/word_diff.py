"""What changed between two replies, word by word.

>>> word_diff("the capital is Paris", "the capital is Rome")
[Piece('same', 'the capital is '), Piece('removed', 'Paris'), Piece('added', 'Rome')]
"""

import difflib
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
MOST_WORDS = 2000
"""Longer texts are shown as removed and added whole: comparing them takes seconds."""
_ALIKE = 0.3
"""Below this likeness, two texts read better one after the other than interwoven."""


class Piece(NamedTuple):
    """A stretch of text that both have, or only one."""

    kind: Literal["same", "removed", "added"]
    text: str


def word_diff(before: str, after: str) -> list[Piece]:
    """Both texts as one: without what was added it is `before`, without what went, `after`."""
    if before == after:
        return [Piece("same", before)] if before else []
    left, right = _WORD.findall(before), _WORD.findall(after)
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    long = max(len(left), len(right)) > MOST_WORDS
    if long or matcher.quick_ratio() < _ALIKE or matcher.ratio() < _ALIKE:
        return _whole(before, after)
    return list(_pieces(matcher, left, right))


def apart(pieces: list[Piece]) -> bool:
    """Whether the texts share nothing, so that one reads better below the other."""
    return [piece.kind for piece in pieces] == ["removed", "added"]


def shortened(pieces: list[Piece], width: int) -> list[Piece]:
    """The pieces up to about `width` characters; what is the same for long loses its middle.

    Args:
        pieces: of `word_diff`.
        width: characters to keep; what is cut is marked with `…`.
    """
    kept: list[Piece] = []
    left = width
    for kind, text in pieces:
        shown = _middle_out(text, 120) if kind == "same" and len(pieces) > 1 else text
        if len(shown) > left:
            return [*kept, Piece(kind, f"{shown[:left]}…")]
        kept.append(Piece(kind, shown))
        left -= len(shown)
    return kept


def _middle_out(text: str, width: int) -> str:
    half = width // 2
    return text if len(text) <= width else f"{text[:half]} … {text[-half:]}"


def _whole(before: str, after: str) -> list[Piece]:
    both = [Piece("removed", before), Piece("added", after)]
    return [piece for piece in both if piece.text]


def _pieces(
    matcher: difflib.SequenceMatcher[str], left: list[str], right: list[str]
) -> Iterator[Piece]:
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            yield Piece("same", "".join(left[a:b]))
            continue
        if b > a:
            yield Piece("removed", "".join(left[a:b]))
        if d > c:
            yield Piece("added", "".join(right[c:d]))
