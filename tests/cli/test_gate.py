"""`llm-eval gate` and `llm-eval baseline` as processes: exit codes, JSON, files."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_eval.testing import Faults, StubServer
from llm_eval.testing.stub import _known
from tests.cli.conftest import Run

RULES = """
version: 1
gates:
  - {id: floor, metric: qa.exact_match, kind: floor, min: 0.6}
  - {id: no-drop, metric: qa.exact_match, kind: non_inferiority, margin: 0.06}
  - {id: json, metric: json.exact_match, kind: floor, min: 0.9}
"""


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    with StubServer(_known(["qa"], 0.1)).in_thread() as stub:
        yield f"openai/good@{stub.url}"


@pytest.fixture(scope="module")
def bad() -> Iterator[str]:
    with StubServer(_known(["qa"], 0.6)).in_thread() as stub:
        yield f"openai/bad@{stub.url}"


def test_from_runs_to_verdicts(llm_eval: Run, good: str, bad: str, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    for model, tag in ((good, "base"), (good, "same"), (bad, "worse")):
        assert llm_eval("run", "qa", "--model", model, "--tag", f"r={tag}").returncode == 0

    missing = llm_eval("gate", "r=same", "--thresholds", "rules.yaml")
    assert missing.returncode == 2
    assert "rules.yaml:5: rule 'no-drop' compares with a baseline" in missing.stderr

    promoted = llm_eval("baseline", "promote", "main", "r=base", "--by", "someone", "--json")
    assert json.loads(promoted.stdout)["promoted_by"] == "someone"

    passed = llm_eval("gate", "r=same", "--thresholds", "rules.yaml", "--baseline", "main")
    assert passed.returncode == 0, passed.stdout
    assert "skipped       json: about another task" in passed.stdout
    assert "pass: 2 rules" in passed.stdout

    files = ("--junit", "j.xml", "--sarif", "s.json", "--summary", "s.md")
    failed = llm_eval(
        "gate", "r=worse", "--thresholds", "rules.yaml", "--baseline", "main", "--json",
        "--annotations", *files,
    )  # fmt: skip
    assert failed.returncode == 1
    report = json.loads(failed.stdout)
    assert report["status"] == "fail"
    assert [(rule["id"], rule["status"]) for rule in report["rules"]] == [
        ("floor", "fail"),
        ("no-drop", "fail"),
    ]
    assert failed.stderr.count("::error ") == 2
    assert all((tmp_path / name).stat().st_size for name in files[1::2])

    own = llm_eval("gate", "main", "--thresholds", "rules.yaml", "--baseline", "r=base")
    assert (own.returncode, "own baseline" in own.stderr) == (2, True)

    assert llm_eval("baseline", "export", "b.json").returncode == 0
    by_file = llm_eval(
        "gate", "r=worse", "--thresholds", "rules.yaml", "--baseline", "b.json", "--json"
    )
    assert json.loads(by_file.stdout) == report

    other = ("--db", "sqlite:///other.db")
    assert llm_eval("baseline", "import", "b.json", *other).returncode == 0
    listed = llm_eval("baseline", "list", "--json", *other)
    assert [item["name"] for item in json.loads(listed.stdout)] == ["main"]
    shown = llm_eval("baseline", "show", "mian", *other)
    assert (shown.returncode, "did you mean 'main'?" in shown.stderr) == (2, True)


def test_a_run_with_failures_is_incomplete_and_no_baseline(llm_eval: Run, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text('exact_match: ">= 0.1"\n')
    with StubServer(_known(["qa"], 0.0), faults=Faults({"400": 0.3})).in_thread() as stub:
        ran = llm_eval("run", "qa", "--model", f"openai/m@{stub.url}", "--limit", 40)
    assert ran.returncode == 4
    held = llm_eval("gate", "latest", "--thresholds", "rules.yaml")
    assert (held.returncode, "incomplete" in held.stdout) == (4, True)
    assert "rules.yaml:1: " in held.stdout
    assert "incomplete: 1 of 1 rule stops it (" in held.stdout
    promoted = llm_eval("baseline", "promote", "main", "latest")
    assert promoted.returncode == 2
    assert "samples have no score" in promoted.stderr


def test_a_mistake_in_the_file_names_its_line(llm_eval: Run, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("gates:\n  - {id: a, kind: flor}\n")
    said = llm_eval("gate", "latest", "--thresholds", "rules.yaml", "--annotations")
    assert said.returncode == 2
    assert "rules.yaml:2: rule 'a': unknown kind 'flor'; did you mean 'floor'?" in said.stderr
    assert said.stdout.startswith("::error title=gate::rules.yaml:2: ")
