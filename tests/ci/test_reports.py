"""What CI reads: annotations, JUnit, SARIF, Markdown. Names in them are data."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from llm_eval.ci import annotations, job_summary, junit, sarif
from llm_eval.ci.gate_report import GateReport, RuleResult
from tests.ci.conftest import Runs, gate, wrong_below

RULES = """
gates:
  - {id: good, metric: exact_match, kind: floor, min: 0.5}
  - {id: broken, metric: exact_match, kind: floor, min: 0.95}
  - {id: unclear, metric: exact_match, kind: floor, min: 0.85, on_inconclusive: warn}
  - {id: absent, metric: nothing, kind: floor, min: 1, on_missing: incomplete}
  - {id: noted, metric: exact_match, kind: floor, min: 0.99, tier: warn}
"""
HOSTILE = (
    "a%\r\n::error::b,c:d <b> & | @everyone `x` ]]> \x1b[31m \0 \u202eback \ud800 \uffff "
    "https://evil.example www.evil.example #12 <!-- ![i](http://evil.example)"
)


@pytest.fixture
def report(runs: Runs) -> GateReport:
    """One rule for each status."""
    return gate(RULES, runs.make(wrong_below(36)))


@pytest.fixture
def hostile(report: GateReport) -> GateReport:
    """The same, with a name that tries to be markup and a command."""

    def renamed(number: int) -> RuleResult:
        result = report.results[number]
        return replace(result, id=HOSTILE, finding=replace(result.finding, reason=HOSTILE))

    return replace(report, results=tuple(renamed(n) for n in range(len(report.results))))


def test_each_rule_that_does_not_pass_is_announced_at_its_line(report: GateReport) -> None:
    starts = [line.partition(",title")[0] for line in annotations.lines(report)]
    assert starts == [
        "::error file=thresholds.yaml,line=4",
        "::warning file=thresholds.yaml,line=5",
        "::error file=thresholds.yaml,line=6",
        "::warning file=thresholds.yaml,line=7",
    ]


def test_an_annotation_is_one_line_and_one_command(hostile: GateReport) -> None:
    for line in annotations.lines(hostile):
        assert len(line.splitlines()) == 1
        assert "%25%0D%0A" in line
        properties = line.split("::")[1]
        assert properties.count(",") == 2
        assert "a%25%0D%0A%3A%3Aerror%3A%3Ab%2Cc%3Ad" in properties


def test_an_error_without_a_report_is_announced_too() -> None:
    assert annotations.of_error("a\nb") == "::error title=gate::a%0Ab"


def test_junit_counts_what_it_lists(report: GateReport) -> None:
    suite = ET.fromstring(junit.document(report)).find("testsuite")
    assert suite is not None
    counted = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": 5, "failures": 1, "errors": 1, "skipped": 2}
    for tag, count in (("failure", 1), ("error", 1), ("skipped", 2)):
        assert len(suite.findall(f"testcase/{tag}")) == count


def test_junit_is_xml_whatever_things_are_called(hostile: GateReport) -> None:
    case = ET.fromstring(junit.document(hostile)).find("testsuite/testcase")
    assert case is not None
    assert "<b> &" in case.attrib["name"]


def test_sarif_has_a_result_for_each_rule_that_does_not_pass(report: GateReport) -> None:
    (run,) = json.loads(sarif.document(report))["runs"]
    assert [result["ruleId"] for result in run["results"]] == [
        "broken",
        "unclear",
        "absent",
        "noted",
    ]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "thresholds.yaml"
        assert place["region"]["startLine"] >= 1
    assert {result["level"] for result in run["results"]} == {"error", "warning"}


def test_markdown_has_a_row_for_each_rule(report: GateReport) -> None:
    text = job_summary.markdown(report)
    assert text.startswith("## Gate: ❌ fail\n")
    assert sum(line.startswith("| ") for line in text.splitlines()) == len(report.results) + 1


def test_markdown_shows_names_and_obeys_none(hostile: GateReport) -> None:
    text = job_summary.markdown(hostile)
    assert "<b>" not in text
    assert "@everyone" not in text
    rows = [line for line in text.splitlines() if line.startswith(("| ✅", "| ❌", "| ❔", "| ⚠️"))]
    assert len(rows) == len(hostile.results)
    assert all(row.replace("\\|", "").count("|") == 6 for row in rows)


def test_no_report_holds_what_a_reader_obeys_or_cannot_read(hostile: GateReport) -> None:
    texts = {
        "junit": junit.document(hostile),
        "sarif": sarif.document(hostile),
        "markdown": job_summary.markdown(hostile),
        "annotations": "\n".join(annotations.lines(hostile)),
    }
    for name, text in texts.items():
        assert text.encode(), name
        assert not set("\x1b\0\u202e") & set(text), name
    assert all("ud800" in text for text in texts.values())


def test_markdown_makes_no_link_of_a_name(hostile: GateReport) -> None:
    shown = MarkdownIt("commonmark", {"html": True}).enable("table")
    shown = shown.render(job_summary.markdown(hostile))
    assert set(re.findall(r"<(\w+)", shown)) <= {
        "h2", "p", "code", "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    text = job_summary.markdown(hostile)
    assert not re.search(r"https?://|www\.[a-z]|(?<!&)#1|@e", text)
