"""What a judge graded proves nothing where its agreement with people is not shown."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from llm_eval.ci.gate_report import RuleResult
from llm_eval.ci.rules import Agreement
from llm_eval.review.items import judge_recipe
from llm_eval.types import RunInfo


def judges_doubted(
    results: Sequence[RuleResult], metrics: Mapping[str, str | None], run: RunInfo
) -> list[RuleResult]:
    """The results, none of which passes on the word of a judge that nobody vouches for.

    A judge that gives several metrics is doubted in all of them.

    Args:
        results: of all rules.
        metrics: what each rule is about, by its id.
        run: says which judge gave which metric.
    """
    doubted = {
        _grader(run, metrics[result.rule.id]): result
        for result in results
        if isinstance(result.rule, Agreement) and result.status != "pass"
    }
    return [_held(result, doubted.get(_grader(run, metrics[result.rule.id]))) for result in results]


def _held(result: RuleResult, doubt: RuleResult | None) -> RuleResult:
    if doubt is None or doubt is result or result.status != "pass":
        return result
    reason = f"{result.finding.reason}; but rule {doubt.id!r} does not vouch for the judge"
    return replace(result, finding=replace(result.finding, status=doubt.status, reason=reason))


def _grader(run: RunInfo, metric: str | None) -> str | None:
    """The judge that gives a metric, by its digest; what no judge gives stands for itself."""
    recipe = None if metric is None else judge_recipe(run, metric)
    return metric if recipe is None else str(recipe["judge"])
