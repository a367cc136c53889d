"""What scanning does to a page; applied to a layout's own words, never to a value.

    >>> scanned(dice, "Invoice number: ")
    'lnvoice  nurnber: '
"""

from llm_eval.datasets.generate.dice import Dice

_CONFUSED = {
    "I": "l", "l": "1", "O": "0", "o": "0", "m": "rn", "rn": "m", "S": "5", "B": "8", "e": "c",
    "a": "o", "t": "f", "i": "í", "u": "ii", "n": "ri", "h": "b", "d": "cl", "c": "(", "g": "9",
}  # fmt: skip
_SPECKS = ("~", ".", "'", "·", "_ _", "|", "•  .", "- -", "°", ",", "^", "¬")
_RATE = 0.055
"""Share of characters that come out wrong: a poor photocopy, still readable."""


def scanned(dice: Dice, text: str) -> str:
    """`text` with misread letters and stray blanks; line breaks and digits stay."""
    return "".join(_misread(dice, sign) for sign in text)


def specks(dice: Dice) -> str:
    """A line of dirt, or a stamp's remains."""
    return " ".join(dice.pick(_SPECKS) for _ in range(dice.whole(1, 4)))


def _misread(dice: Dice, sign: str) -> str:
    if sign == " " and dice.chance(_RATE):
        return "  "
    if sign in _CONFUSED and dice.chance(_RATE):
        return _CONFUSED[sign]
    return sign
