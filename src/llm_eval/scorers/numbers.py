"""Numbers in text: `The answer is 1,234.5 km.` → 1234.5."""

import math
import re

_NUMBER = re.compile(
    r"(?<![\w.])[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d)\.?)(?:[eE][-+]?\d{1,3})?(?!\d)"
)
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d*)?(?:[eE][-+]?\d{1,3})?")
_CURRENCY = (
    "[$€£¥₹₩₽₺₫₴₪฿]|AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|INR|JPY|KRW|MXN|NOK|NZD|PLN|SEK|"
    "SGD|TRY|USD|ZAR"
)
_AMOUNT = re.compile(rf"([-+−]?)(?:(?:{_CURRENCY})\s?)?([-+−]?[\d.,]+)(?:\s?(?:{_CURRENCY}))?")


def last_number(text: str) -> float | None:
    """The last number in `text`, with thousands separated by commas; None where there is none.

    The last one, because people and models show their working first.
    """
    found = [match for match in _NUMBER.findall(text) if any(map(str.isdigit, match))]
    return number(found[-1]) if found else None


def number(text: str) -> float | None:
    """`text` as one number, or None. Commas count between thousands only: `1,2` is two numbers."""
    plain = text.strip().replace("−", "-")
    if not (plain[:1].isdigit() or plain.startswith(("-", "+", ".", ","))):
        return None  # most texts: an exception takes ten times as long
    if "_" in plain or ("," in plain and not _GROUPED.fullmatch(plain)):
        return None
    try:
        value = float(plain.replace(",", ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def amount(text: str) -> float | None:
    """As `number`, with at most one currency in front and one behind: `-$1,234.50`, `12 EUR`."""
    match = _AMOUNT.fullmatch(text.strip())
    return number(match[1] + match[2]) if match else number(text)


def close(left: float, right: float, relative: float, absolute: float) -> bool:
    """Whether two numbers agree within either tolerance."""
    try:
        return math.isclose(left, right, rel_tol=relative, abs_tol=absolute)
    except OverflowError:  # an int that no float holds
        return left == right
