"""What scanning does to a page; applied to a layout's own words, never to a value.

>>> scanned(dice, "Invoice number: ")
'lnvoice  nurnber: '
"""

from llm_eval.datasets.generate.dice import Dice

_CONFUSED = {
    "I": "l", "l": "1", "O": "0", "o": "0", "m": "rn", "S": "5", "B": "8", "e": "c",
    "a": "o", "t": "f", "i": "í", "u": "ii", "n": "ri", "h": "b", "d": "cl", "c": "(", "g": "9",
}  # fmt: skip
_SPECKS = ("~", ".", "'", "·", "_ _", "|", "•  .", "- -", "°", ",", "^", "¬")
_RATE = 0.055
"""Share of characters that come out wrong: a poor photocopy, still readable."""


def scanned(dice: Dice, text: str) -> str:
    """`text` with misread letters and stray blanks; line breaks and digits stay."""
    return "".join(_misread(dice, text, place) for place in range(len(text)))


def specks(dice: Dice) -> str:
    """A line of dirt, or a stamp's remains."""
    return " ".join(dice.pick(_SPECKS) for _ in range(dice.whole(1, 4)))


def _misread(dice: Dice, text: str, place: int) -> str:
    sign = text[place]
    if not dice.chance(_RATE):
        return sign
    if sign == " ":
        return "  "
    seen = _CONFUSED.get(sign, sign)
    return seen if not seen.isdigit() or _inside_word(text, place) else sign


def _inside_word(text: str, place: int) -> bool:
    """Whether letters stand on both sides: a digit at the edge of a word could join a number."""
    return text[place - 1 : place].isalpha() and text[place + 1 : place + 2].isalpha()
