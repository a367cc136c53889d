"""Twenty rules cry wolf twenty times as often as one: what survives their number.

The tests of one tier are a family. A failure whose adjusted p value is not below alpha may be luck,
and is inconclusive.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from llm_eval.ci.gate_report import RuleResult
from llm_eval.ci.rules import Tier
from llm_eval.stats.multiplicity import bonferroni, holm


def corrected(results: Sequence[RuleResult]) -> list[RuleResult]:
    """The results in their order, each held against its tier."""
    held = list(results)
    for tier in get_args(Tier):
        family = [
            place
            for place, result in enumerate(results)
            if result.tier == tier and result.finding.p_value is not None
        ]
        p_values = np.array([results[place].finding.p_value for place in family], dtype=np.float64)
        for place, p in zip(family, _adjusted(results, family, p_values), strict=True):
            held[place] = _with_adjusted(results[place], float(p), len(family))
    return held


def _adjusted(
    results: Sequence[RuleResult], family: Sequence[int], p_values: NDArray[np.float64]
) -> NDArray[np.float64]:
    correction = results[family[0]].policy.correction if family else "none"
    if correction == "none":
        return p_values
    return holm(p_values) if correction == "holm" else bonferroni(p_values)


def _with_adjusted(result: RuleResult, p_adjusted: float, n_tests: int) -> RuleResult:
    finding = result.finding
    if finding.status == "fail" and p_adjusted > result.policy.alpha:
        reason = (
            f"{finding.reason}; but p {finding.p_value:.2g} is {p_adjusted:.2g} "
            f"over {n_tests} tests, which may be luck"
        )
        finding = replace(finding, status="inconclusive", reason=reason)
    return replace(result, finding=finding, p_adjusted=p_adjusted)
