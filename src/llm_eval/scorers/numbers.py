"""Numbers in text: `The answer is 1,234.5 km.` → 1234.5."""

import math
import re

_NUMBER = re.compile(
    r"(?<![\w.])[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d)\.?)(?:[eE][-+]?\d{1,3})?(?!\d)"
)


def last_number(text: str) -> float | None:
    """The last number in `text`, with thousands separated by commas; None where there is none.

    The last one, because people and models show their working first.
    """
    found = [match for match in _NUMBER.findall(text) if any(map(str.isdigit, match))]
    return number(found[-1]) if found else None


def number(text: str) -> float | None:
    """`text` as one number, or None."""
    plain = text.strip().replace(",", "").replace("−", "-").rstrip(".")
    try:
        value = float(plain)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def close(left: float, right: float, relative: float, absolute: float) -> bool:
    """Whether two numbers agree within either tolerance."""
    return math.isclose(left, right, rel_tol=relative, abs_tol=absolute)
