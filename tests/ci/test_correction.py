"""A failure that may be luck is inconclusive: the tests of one tier are a family."""

from dataclasses import replace

import pytest

from llm_eval.ci.correction import corrected
from llm_eval.ci.finding import Finding
from llm_eval.ci.gate_report import RuleResult
from llm_eval.ci.rules import Correction, Defaults, Floor, Tier


def failed(p_value: float | None, tier: Tier = "block", how: Correction = "holm") -> RuleResult:
    rule = Floor(id=f"{tier} {p_value}", kind="floor", metric="m", min=0.5)
    finding = Finding("fail", 0.4, 0.5, "it is low", p_value)
    return RuleResult(rule.id, rule, "t.yaml:1", Defaults(tier=tier, correction=how), finding)


def held(*results: RuleResult) -> list[str]:
    return [result.status for result in corrected(results)]


def test_a_p_value_at_alpha_is_a_failure() -> None:
    assert held(failed(0.05)) == ["fail"]
    assert held(failed(0.05 + 1e-12)) == ["inconclusive"]


@pytest.mark.parametrize(
    ("how", "statuses"),
    [
        ("holm", ["fail", "fail", "inconclusive"]),
        ("bonferroni", ["fail", "inconclusive", "inconclusive"]),
        ("none", ["fail", "fail", "inconclusive"]),
    ],
)
def test_each_correction_is_the_one_that_is_named(how: Correction, statuses: list[str]) -> None:
    assert held(*(failed(p, how=how) for p in (0.01, 0.02, 0.9))) == statuses


def test_nothing_is_corrected_where_the_file_says_so() -> None:
    assert held(*(failed(0.04, how="none") for _ in range(5))) == ["fail"] * 5
    assert held(*(failed(0.04, how="holm") for _ in range(5))) == ["inconclusive"] * 5


def test_each_tier_is_a_family_of_its_own() -> None:
    others = [failed(0.9, tier) for tier in ("warn", "info") for _ in range(9)]
    (first, *rest) = corrected([failed(0.04), *others])
    assert (first.status, first.p_adjusted) == ("fail", 0.04)
    assert all(result.p_adjusted == 1.0 for result in rest)


def test_what_was_not_tested_is_no_part_of_it() -> None:
    untested = replace(failed(None), finding=Finding("fail", 3, 0, "three newly fail"))
    (tested, kept) = corrected([failed(0.04), untested])
    assert (tested.status, kept.status, kept.p_adjusted) == ("fail", "fail", None)
