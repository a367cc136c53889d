"""A rate as the reports on judges give it: with its interval and what it is of.

>>> rate(9, 10)
{'value': 0.9, 'ci95': [0.5958…, 0.9821…], 'n': 10}
"""

from typing import Any

from llm_eval.stats.intervals import wilson


def rate(hits: int, n: int) -> dict[str, Any]:
    """Share of `n` independent trials with Wilson's interval; None without a trial."""
    if n == 0:
        return {"value": None, "ci95": [None, None], "n": 0}
    return {"value": hits / n, "ci95": list(wilson(hits, n)), "n": n}
