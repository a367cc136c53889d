"""GitHub annotations: a rule's result at its line in the thresholds file.

    ::error file=configs/thresholds.yaml,line=7,title=gate json-floor: fail::exact_match is 0.61 …

Whatever a sample or a rule is called, it cannot start another command: `%`, line ends, and in
properties `:` and `,` too, are escaped as the runner's own toolkit does.
"""

from collections.abc import Mapping

from llm_eval.ci.finding import Status
from llm_eval.ci.gate_report import GateReport, RuleResult
from llm_eval.visible import visible

_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_MESSAGE, ":": "%3A", ",": "%2C"}
_OTHER_ENDS = dict.fromkeys((11, 12, 28, 29, 30, 133, 8232, 8233), " ")


def lines(report: GateReport) -> list[str]:
    """One workflow command for each rule that does not pass."""
    return [_line(result) for result in report.results if result.status != "pass"]


def of_error(message: str) -> str:
    """The command for a gate that could not be held at all."""
    return f"::error title=gate::{_escaped(message, _MESSAGE)}"


def level(result: RuleResult) -> str:
    """`error` where it stops the gate or breaks a rule that blocks, `warning`, or `notice`."""
    if result.tier == "info":
        return "notice"
    if result.tier == "warn" or not result.stops:
        return "warning"
    return "error"


def _line(result: RuleResult) -> str:
    file, _, line = result.place.rpartition(":")
    status: Status = result.status
    properties = f"file={_escaped(file, _PROPERTY)},line={_escaped(line, _PROPERTY)}"
    title = _escaped(f"gate {result.id}: {status}", _PROPERTY)
    message = _escaped(result.finding.reason, _MESSAGE)
    return f"::{level(result)} {properties},title={title}::{message}"


def _escaped(text: str, table: Mapping[str, str]) -> str:
    return "".join(table.get(c) or _OTHER_ENDS.get(ord(c)) or visible(c) for c in text)
