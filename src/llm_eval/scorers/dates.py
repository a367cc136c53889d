"""Dates in the forms people write them: `March 14th, 2024`, `2024-03-14T09:30`, `14.03.2024`."""

import re
from datetime import date

_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[t ]\d{2}:\d{2}[\d:.,]*\s?(?:z|utc|[-+][\d:]+)?)?")
_DAY_FIRST = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})")
_SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})")
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_NAMED = re.compile(
    r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?(?:the\s+)?"
    rf"(?:{_DAY}\.?(?:\s+of)?\s+)?([a-z]{{3,9}})\.?\s*(?:{_DAY})?,?\s+(\d{{4}})"
)
_MAX_CHARS = 80
"""Longer is no date, and long runs of spaces would take quadratic time."""
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)


def is_iso_date(text: str) -> bool:
    """Whether `text` is a calendar date in ISO 8601, with nothing behind it."""
    match = _ISO.fullmatch(text)
    return len(text) == 10 and match is not None and _date(*map(int, match.groups())) is not None


def parse_date(text: str) -> date | None:
    """The one date that `text` can mean; None where it is none, or could be two."""
    lowered = text.strip().lower()
    if len(lowered) > _MAX_CHARS:
        return None
    if match := _ISO.fullmatch(lowered):
        return _date(*map(int, match.groups()))
    if match := _YEAR_FIRST.fullmatch(lowered):
        return _date(*map(int, match.groups()))
    if match := _DAY_FIRST.fullmatch(lowered):
        day, month, year = map(int, match.groups())
        return _date(year, month, day)
    if match := _SLASHED.fullmatch(lowered):
        return _slashed(*map(int, match.groups()))
    if match := _NAMED.fullmatch(lowered):
        return _named(*match.groups())
    return None


def _slashed(first: int, second: int, year: int) -> date | None:
    """3/4/2024 is two dates; 13/4/2024 and 4/4/2024 are one."""
    if first > 12 or first == second:
        return _date(year, second, first)
    return _date(year, first, second) if second > 12 else None


def _named(before: str | None, month: str, after: str | None, year: str) -> date | None:
    numbers = [n for n, name in enumerate(_MONTHS, start=1) if name.startswith(month)]
    if (before is None) == (after is None) or not numbers:
        return None
    return _date(int(year), numbers[0], int(before or after or 0))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
