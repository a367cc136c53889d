"""The short way to write a rule: a metric, and what it must reach.

json.exact_match: ">= 0.85"                 floor
latency_p95_s: "<= 2"                       ceiling
qa.exact_match: ">= baseline - 0.02"        non_inferiority, margin 0.02
cost_usd: "<= baseline * 1.2"               relative, max_increase 0.2
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from llm_eval.errors import ConfigError

_EXPRESSION = re.compile(
    r"(?P<side>[<>]=)\s*(?:(?P<baseline>baseline)\s*(?P<sign>[-+*])\s*)?(?P<number>[0-9.]\S*)"
)
_EXAMPLES = "'>= 0.85', '<= 2', '>= baseline - 0.02' or '<= baseline * 1.2'"


def is_expression(value: object) -> bool:
    """Whether `value` is meant as a rule in the short form."""
    return isinstance(value, str) and value.lstrip()[:1] in ("<", ">", "=")


def expand(metric: str, text: str) -> Mapping[str, Any]:
    """The rule as the long form writes it; its id is the metric.

    Raises:
        ConfigError: `text` is no such expression.
    """
    match = _EXPRESSION.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"{metric}: cannot read {text!r}; write {_EXAMPLES}")
    at_least, number = match["side"] == ">=", _number(metric, match["number"])
    rule: dict[str, Any] = {"id": metric, "metric": metric}
    if match["baseline"] is None:
        limit = {"min": number} if at_least else {"max": number}
        return rule | {"kind": "floor" if at_least else "ceiling"} | limit
    if match["sign"] == "*":
        share = round(1 - number if at_least else number - 1, 12)
        return rule | {"kind": "relative", ("max_drop" if at_least else "max_increase"): share}
    if (match["sign"] == "-") != at_least:
        raise ConfigError(
            f"{metric}: {text!r} asks for more than the baseline; "
            f"a margin is what may be lost: '>= baseline - 0.02' or '<= baseline + 0.02'"
        )
    return rule | {"kind": "non_inferiority", "margin": number}


def _number(metric: str, text: str) -> float:
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f"{metric}: {text!r} is no number")
    return value
