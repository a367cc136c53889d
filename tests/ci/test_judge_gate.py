"""A gate on what a judge graded: closed until people have checked this very judge."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llm_eval.cli.main import main
from llm_eval.testing import Faults, StubServer, stub_judge
from llm_eval.testing.stub import _known

RULES = """
version: 1
gates:
  - {id: trusted, kind: agreement, metric: qa.judge_pass, min: 0.5}
  - {id: floor, kind: floor, metric: qa.judge, min: 0.5}
  - {id: exact, kind: floor, metric: qa.exact_match, min: 0.5}
"""
N = 60
Command = Callable[..., tuple[int, str]]


def answer(prompt: str) -> str:
    if stub_judge.is_judge_prompt(prompt):
        return stub_judge.verdict(prompt)
    return _answers(prompt)


_answers = _known(["qa"], 0.2)


@pytest.fixture
def stub() -> Iterator[StubServer]:
    with StubServer(answer).in_thread() as server:
        yield server


@pytest.fixture
def command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Run one command against a database of its own; exit code and standard output."""
    monkeypatch.chdir(tmp_path)
    Path("rules.yaml").write_text(RULES)

    def run(*arguments: str) -> tuple[int, str]:
        code = main([*arguments, "--db", f"sqlite:///{tmp_path}/runs.db"])
        return code, capsys.readouterr().out

    return run


def gate(command: Command, run: str = "latest") -> tuple[int, dict[str, Any]]:
    code, out = command("gate", run, "--thresholds", "rules.yaml", "--json")
    return code, {rule["id"]: rule for rule in json.loads(out)["rules"]}


def label_all(command: Command, run: str, rater: str = "ann", *, wrongly: bool = False) -> None:
    """Grade every reply as a reader would: by the reference, in the file that export wrote."""
    command("review", "export", run, "--output", "labels.csv")
    rows = list(csv.DictReader(Path("labels.csv").read_text().splitlines(keepends=True)))
    for row in rows:
        right = any(line.lower() in row["reply"].lower() for line in row["reference"].splitlines())
        grade = "right" if right != wrongly else "wrong"
        row |= {"correctness": grade, "completeness": "2", "format": "2"}
    with Path("labels.csv").open("w") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert command("review", "import", run, "labels.csv", "--rater", rater)[0] == 0


def test_a_judge_opens_the_gate_only_while_its_calibration_is_fresh(
    command: Command, stub: StubServer
) -> None:
    model, judge = f"openai/m@{stub.url}", f"openai/judge@{stub.url}"
    _, out = command(
        "run", "qa", "--model", model, "--judge-model", judge, "--limit", str(N), "--json"
    )
    run = json.loads(out)["run_id"]

    code, rules = gate(command, run)
    assert code == 1
    assert "not calibrated" in rules["trusted"]["reason"]
    assert rules["floor"]["status"] == "fail"  # another metric of the same judge
    assert "does not vouch for the judge" in rules["floor"]["reason"]
    assert rules["exact"]["status"] == "pass"

    label_all(command, run)
    assert command("judge", "calibrate", run)[0] == 0
    code, rules = gate(command, run)
    assert (code, rules["trusted"]["status"], rules["floor"]["status"]) == (0, "pass", "pass")

    command("rescore", run, "--judge-model", f"openai/newer@{stub.url}")
    code, rules = gate(command)
    assert code == 1
    assert "changed since" in rules["trusted"]["reason"]

    command("rescore", run, "--judge-model", judge, "--judge-samples", "2")
    code, rules = gate(command)  # asked in another way, it is another judge
    assert (code, rules["trusted"]["status"]) == (1, "fail")

    command("rescore", run, "--judge-model", judge)
    assert gate(command)[0] == 0


def test_what_one_rater_finds_does_not_take_the_place_of_anothers(
    command: Command, stub: StubServer
) -> None:
    model, judge = f"openai/m@{stub.url}", f"openai/judge@{stub.url}"
    command("run", "qa", "--model", model, "--judge-model", judge, "--limit", str(N))
    label_all(command, "latest")
    label_all(command, "latest", "bob", wrongly=True)

    for rater in ("bob", "ann"):  # the last one agrees, and decides nothing
        assert command("judge", "calibrate", "latest", "--rater", rater)[0] == 0
    code, rules = gate(command)
    assert (code, rules["trusted"]["status"]) == (1, "fail")
    assert "with people (bob) is" in rules["trusted"]["reason"]

    _, out = command("judge", "calibrate", "latest", "--rater", "ann")
    assert "a gate relies on the calibrations by: ann; bob\n" in out
    _, out = command("judge", "calibrate", "latest", "--json")
    assert json.loads(out)["gate_relies_on"] == [["ann", "bob"]]
    _, together = gate(command)
    assert "with people (ann, bob) is" in together["trusted"]["reason"]

    Path("rules.yaml").write_text(RULES.replace("min: 0.5}", "min: 0.5, rater: ann}", 1))
    code, rules = gate(command)
    assert (code, rules["trusted"]["status"]) == (0, "pass")
    _, out = command("trend", "qa", "--thresholds", "rules.yaml", "--json")
    assert list(json.loads(out)["gates"].values()) == ["pass"]


def test_a_metric_that_no_judge_gives_has_no_calibration(
    command: Command, stub: StubServer
) -> None:
    model, judge = f"openai/m@{stub.url}", f"openai/judge@{stub.url}"
    command("run", "qa", "--model", model, "--judge-model", judge, "--limit", str(N))
    label_all(command, "latest")
    command("judge", "calibrate", "latest")
    Path("rules.yaml").write_text(RULES.replace("qa.judge_pass", "qa.exact_match"))
    code, rules = gate(command)
    assert (code, rules["trusted"]["status"]) == (1, "fail")


def test_silent_verdicts_stop_the_gate_and_are_told_by_state(
    command: Command, stub: StubServer
) -> None:
    with StubServer(stub_judge.verdict, faults=Faults({"refusal": 0.3})).in_thread() as moody:
        code, _ = command(
            "run", "qa", "--model", f"openai/m@{stub.url}",
            "--judge-model", f"openai/judge@{moody.url}", "--limit", "30",
        )  # fmt: skip
    code, rules = gate(command)
    assert code != 0
    assert rules["floor"]["status"] != "pass"
    assert " refused)" in rules["floor"]["reason"]
