"""What a gate found: a result for each rule, and one verdict over all of them.

>>> report.status, report.exit_code
('inconclusive', 3)
"""

from dataclasses import dataclass
from math import isfinite
from typing import Any

from llm_eval.ci.finding import Finding, Status
from llm_eval.ci.rules import Defaults, Rule, Tier
from llm_eval.types import RunInfo

EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 3, "incomplete": 4}


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule, or one slice of a rule about every slice."""

    id: str
    rule: Rule
    place: str
    """`file:line` of the rule."""
    policy: Defaults
    finding: Finding
    p_adjusted: float | None = None

    @property
    def status(self) -> Status:
        """What the rule found."""
        return self.finding.status

    @property
    def tier(self) -> Tier:
        """Whether it blocks, warns or informs."""
        return self.policy.tier

    @property
    def stops(self) -> bool:
        """Whether it alone keeps the gate shut."""
        if self.tier != "block" or self.status == "pass":
            return False
        return self.status != "inconclusive" or self.policy.on_inconclusive == "stop"

    def to_dict(self) -> dict[str, Any]:
        """As in the `--json` object."""
        return {
            "id": self.id,
            "status": self.status,
            "observed": _number(self.finding.observed),
            "limit": _number(self.finding.limit),
            "reason": self.finding.reason,
        }


@dataclass(frozen=True, slots=True)
class GateReport:
    """All rules of a file, held against one run."""

    current: RunInfo
    baseline: RunInfo | None
    results: tuple[RuleResult, ...]
    skipped: tuple[Rule, ...]
    """Rules of other tasks."""

    @property
    def status(self) -> Status:
        """The verdict: the worst of the rules that block."""
        found = {result.status for result in self.results if result.tier == "block"}
        order: tuple[Status, ...] = ("fail", "incomplete", "inconclusive")
        return next((status for status in order if status in found), "pass")

    @property
    def exit_code(self) -> int:
        """★ 0 pass, or nothing that stops · 1 fail · 3 inconclusive · 4 incomplete."""
        stopping = any(result.stops for result in self.results)
        return EXIT_CODES[self.status] if stopping else 0

    def to_dict(self) -> dict[str, Any]:
        """The `--json` object ★."""
        return {"status": self.status, "rules": [result.to_dict() for result in self.results]}


def _number(value: float | None) -> float | None:
    """JSON has no NaN and no infinity."""
    return float(value) if value is not None and isfinite(value) else None
