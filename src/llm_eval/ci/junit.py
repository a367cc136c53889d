"""JUnit XML of a gate: one test case a rule, as CI systems show them.

What fails or is incomplete is a failure or an error; what is inconclusive is a failure where the
policy stops on it and skipped where it does not.
"""

import re
import xml.etree.ElementTree as ET

from llm_eval.ci.gate_report import GateReport, RuleResult
from llm_eval.visible import visible

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(report: GateReport) -> str:
    """The XML text."""
    suite = ET.Element("testsuite", _counts(report))
    for result in report.results:
        _add_case(suite, result)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _counts(report: GateReport) -> dict[str, str]:
    tags = [_outcome(result) for result in report.results]
    return {
        "name": "llm-eval gate",
        "tests": str(len(tags)),
        "failures": str(tags.count("failure")),
        "errors": str(tags.count("error")),
        "skipped": str(tags.count("skipped")),
        "timestamp": report.current.created_at,
    }


def _outcome(result: RuleResult) -> str | None:
    """Name of the element within the test case; None for a pass."""
    if result.status == "pass":
        return None
    if not result.stops:
        return "skipped"
    return "error" if result.status == "incomplete" else "failure"


def _add_case(suite: ET.Element, result: RuleResult) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        {"classname": f"llm-eval.gate.{result.tier}", "name": _text(result.id), "time": "0"},
    )
    outcome, reason = _outcome(result), _text(result.finding.reason)
    if outcome is None:
        ET.SubElement(case, "system-out").text = reason
        return
    element = ET.SubElement(case, outcome, {"message": f"{result.status}: {reason}"})
    if outcome != "skipped":
        element.set("type", result.status)
        element.text = f"{result.place}\n{reason}"


def _text(text: str) -> str:
    """`text` without what no XML document may hold."""
    return _NOT_XML.sub("\ufffd", visible(text))
