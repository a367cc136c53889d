"""Can an expected value be read off its text? A proof, without a model, that a row is fair.

    underivable({"total": 12.5, "on": "2024-03-14"}, schema, "12,50 € on 14 March 2024")  →  []

A string must stand in the text, whatever its spacing and case; a number must be one that the text
writes in some country's way; a date's day, month and year must all be there. Words of an `enum`
are labels, not quotations.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_SPACES = re.compile(r"\s+")
_NUMBER = re.compile(r"\d+(?:[.,'’\u00a0\u202f ]\d+)*")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}:\d{2})(?::\d{2})?)?")
_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
_MONTHS = (
    "jan january januar janvier enero gennaio janeiro",
    "feb february februar février febrero febbraio fevereiro",
    "mar march märz mars marzo março mrz",
    "apr april avril abril aprile",
    "may mai mayo maggio maio",
    "jun june juni juin junio giugno junho",
    "jul july juli juillet julio luglio julho",
    "aug august août agosto",
    "sep sept september septembre septiembre settembre setembro",
    "oct october oktober octobre octubre ottobre outubro okt",
    "nov november novembre noviembre novembro",
    "dec december dezember décembre diciembre dicembre dezembro dez",
)


class Leaf(NamedTuple):
    """One value without parts."""

    path: str
    value: Any
    is_label: bool
    """Its schema names the possible values."""


def underivable(expected: Any, schema: Mapping[str, Any], text: str) -> list[Leaf]:
    """The leaves of `expected` that `text` does not give."""
    given = _Text(text)
    return [leaf for leaf in leaves(expected, schema) if not given.gives(leaf)]


def leaves(value: Any, schema: Mapping[str, Any], path: str = "") -> Iterator[Leaf]:
    """Every leaf with its path; absent ones (null) too."""
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name, inner in value.items():
            yield from leaves(inner, properties.get(name, {}), f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, schema.get("items", {}), f"{path}[]")
    else:
        yield Leaf(path, value, "enum" in schema)


class _Text:
    def __init__(self, text: str) -> None:
        self._folded = _folded(text)
        self._squeezed = self._folded.replace(" ", "")
        self._words = set(re.findall(r"[^\W\d_]+", self._folded))
        self._numbers = {value for token in _NUMBER.findall(text) for value in readings(token)}
        spelt = enumerate(_NUMBER_WORDS.split())
        self._numbers |= {float(number) for number, word in spelt if word in self._words}

    def gives(self, leaf: Leaf) -> bool:
        value = leaf.value
        if value is None or isinstance(value, bool) or leaf.is_label:
            return True
        if isinstance(value, int | float):
            return abs(float(value)) in self._numbers
        if _folded(value) in self._folded or _folded(value).replace(" ", "") in self._squeezed:
            return True
        match = _DATE.fullmatch(value)
        return match is not None and self._gives_date(*match.groups())

    def _gives_date(self, year: str, month: str, day: str, time: str | None) -> bool:
        if not 1 <= int(month) <= len(_MONTHS):
            return False
        names = set(_MONTHS[int(month) - 1].split())
        return (
            bool(self._numbers & {float(year), float(year[2:])})
            and float(day) in self._numbers_of_dates
            and (bool(names & self._words) or float(month) in self._numbers_of_dates)
            and (time is None or time in self._folded or time.lstrip("0") in self._folded)
        )

    @property
    def _numbers_of_dates(self) -> set[float]:
        """Every run of digits for itself: 14.03.2024 holds 14 and 3."""
        return {float(digits) for digits in re.findall(r"\d{1,4}", self._folded)}


def readings(token: str) -> Iterator[float]:
    """What digits with separators can mean: `1.234,56` → 1234.56; `1.234` → 1.234 and 1234."""
    plain = re.sub(r"['’\s\u00a0\u202f]", "", token)
    for decimal, grouping in ((".", ","), (",", ".")):
        candidate = plain.replace(grouping, "").replace(decimal, ".")
        if candidate.count(".") <= 1:
            yield float(candidate)
    for part in re.findall(r"\d+", token):
        yield float(part)
    for part in re.findall(r"\d+[.,]\d+", token):
        yield float(part.replace(",", "."))


def _folded(text: str) -> str:
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", text).casefold())


def corrupted(value: Any) -> Any:
    """`value` with its first leaf changed, or one added where it has none: a wrong answer."""
    if isinstance(value, Mapping):
        name = next(iter(value), "zzz")
        return {**value, name: corrupted(value.get(name))}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [corrupted(value[0] if value else None), *value[1:]]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + abs(value) + 1  # far outside any tolerance, however large it is
    return "zzz" if value is None else f"{value} zzz"
