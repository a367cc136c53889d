"""What was expected against what came, word by word.

>>> [(p.kind, p.text) for p in word_diff("Paris, France", "Paris, Texas")]
[('same', 'Paris, '), ('missing', 'France'), ('added', 'Texas')]
"""

import re
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

MAX_WORDS = 600
"""Longer texts are not compared: the time grows with the square."""
_ALIKE = 0.3
"""Below, a difference says less than both texts do."""

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


class Piece(NamedTuple):
    """Words that belong to both texts, or to one."""

    kind: Literal["same", "missing", "added"]
    text: str


def word_diff(expected: str, actual: str) -> list[Piece]:
    """Pieces that make up both texts; none where they are too long or too little alike."""
    left, right = _WORDS.findall(expected), _WORDS.findall(actual)
    if not left or not right or max(len(left), len(right)) > MAX_WORDS:
        return []
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return []
    pieces: list[Piece] = []
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag == "equal":
            pieces.append(Piece("same", "".join(left[i:i_end])))
            continue
        if i < i_end:
            pieces.append(Piece("missing", "".join(left[i:i_end])))
        if j < j_end:
            pieces.append(Piece("added", "".join(right[j:j_end])))
    return pieces
