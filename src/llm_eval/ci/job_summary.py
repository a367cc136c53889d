"""The gate as Markdown: for a job summary or a pull request's comment.

Names of samples and slices are data: they are escaped as in the report of a comparison.
"""

from llm_eval.ci.gate_report import GateReport, RuleResult
from llm_eval.compare.markdown import prose

_MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "❔", "incomplete": "⚠️"}


def markdown(report: GateReport) -> str:
    """A heading, one table row a rule, and what was compared."""
    rows = "\n".join(_row(result) for result in report.results)
    against = f" against `{report.baseline.run_id}`" if report.baseline else ""
    task = prose(str(report.current.recipe.get("task", report.current.task)))
    text = (
        f"## Gate: {_MARKS[report.status]} {report.status}\n\n"
        f"{task} on {prose(report.current.model)}, "
        f"`{report.current.run_id}`{against}\n\n"
        "| | rule | observed | limit | why |\n|---|---|--:|--:|---|\n"
        f"{rows}\n"
    )
    if report.skipped:
        text += f"\n{len(report.skipped)} rules are about other tasks.\n"
    return text + "\n"


def _row(result: RuleResult) -> str:
    finding = result.finding
    name = prose(result.id) + ("" if result.tier == "block" else f" ({result.tier})")
    cells = [
        f"{_MARKS[result.status]} {result.status}",
        name,
        _number(finding.observed),
        _number(finding.limit),
        prose(finding.reason),
    ]
    return f"| {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return (f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}").replace("-", "−")
