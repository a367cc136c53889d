"""SARIF 2.1.0 of a gate, for code scanning: each rule that does not pass, at its line.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0, 2020.
"""

import json
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from llm_eval.ci.annotations import level
from llm_eval.ci.gate_report import GateReport, RuleResult
from llm_eval.fingerprint import digest
from llm_eval.version import __version__
from llm_eval.visible import visible

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "notice": "note"}


def document(report: GateReport) -> str:
    """The JSON text."""
    rules = list({result.rule.id: result for result in report.results}.values())
    number = {result.rule.id: n for n, result in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "llm-eval",
                "version": __version__,
                "rules": [_rule(result) for result in rules],
            }
        },
        "automationDetails": {"id": f"llm-eval gate/{report.current.recipe.get('task', '')}/"},
        "results": [
            _result(result, number[result.rule.id])
            for result in report.results
            if result.status != "pass"
        ],
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(result: RuleResult) -> dict[str, Any]:
    kind = getattr(result.rule, "kind", "rule")
    return {
        "id": visible(result.rule.id),
        "name": kind,
        "shortDescription": {
            "text": visible(f"{kind} of {getattr(result.rule, 'metric', None) or 'run'}")
        },
        "properties": {"tier": result.tier},
    }


def _result(result: RuleResult, rule_number: int) -> dict[str, Any]:
    file, _, line = result.place.rpartition(":")
    return {
        "ruleId": visible(result.rule.id),
        "ruleIndex": rule_number,
        "level": _LEVELS[level(result)],
        "message": {"text": visible(f"{result.id}: {result.status}: {result.finding.reason}")},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(file)},
                    "region": {"startLine": int(line) if line.isdigit() else 1},
                }
            }
        ],
        "partialFingerprints": {"gateRule/v1": digest((result.id, result.status))},
    }


def _uri(path: str) -> str:
    return quote(PurePath(visible(path)).as_posix())
