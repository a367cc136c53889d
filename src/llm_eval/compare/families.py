"""Adjusted p values of a family of tests, some of which could never have shown anything.

    >>> adjust([0.001, 0.5, 0.25], least=[0.0005, 0.5, 0.25])
    [0.001, 0.5, 0.5]

A slice in which two samples changed cannot reach p = .001, so it could not have been mistaken for
a finding of that size, and is not counted against one (Tarone 1990; step-down as in Holm 1979).
With every `least` at 0 this is Holm. The chance of any false alarm in the family stays at alpha.
"""

from collections.abc import Sequence

import numpy as np

from llm_eval.stats.paired import PairedComparison
from llm_eval.stats.paired_rates import mcnemar
from llm_eval.stats.sign_flip import FLIP_DRAWS


def adjust(p_values: Sequence[float], least: Sequence[float]) -> list[float]:
    """The p values that can be held against the level of the whole family.

    Args:
        p_values: one a test.
        least: the smallest p value that each test could have given (`least_p`).

    Returns:
        As many, in the same order; never below the raw ones.
    """
    p, floors = np.asarray(p_values, float), np.asarray(least, float)
    adjusted = np.empty_like(p)
    order = np.argsort(p, kind="stable")
    highest = 0.0
    for place, test in enumerate(order):
        rivals = int(np.sum(floors[order[place:]] <= p[test]))
        highest = max(highest, min(1.0, float(p[test]) * max(rivals, 1)))
        adjusted[test] = highest
    return [float(value) for value in adjusted]


def exact_p(test: PairedComparison) -> float:
    """The p value for a large family: many small slices are what mid-p is too bold for."""
    if test.method != "mcnemar mid-p":
        return test.p_value
    balance = round(test.delta * test.n)
    gained = (test.n_discordant + balance) // 2
    return mcnemar(gained, test.n_discordant - gained).exact


def least_p(test: PairedComparison) -> float:
    """The smallest p value that so many changed pairs could have given, all of them one way.

    Of clusters it is a lower bound: no more of them changed than pairs did.
    """
    changed = test.n_discordant
    if changed == 0:
        return 1.0
    if "mcnemar" in test.method or "exact" in test.method:
        return float(0.5 ** (changed - 1))
    return 1 / (FLIP_DRAWS + 1) if "draws" in test.method else 0.0
