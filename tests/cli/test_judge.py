"""Judge, labels and rubrics from the command line: mistakes are one line, and nothing is lost."""

import csv
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llm_eval.cli.main import main
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.scorers.rubric import load_rubric, preset_names
from llm_eval.testing import StubServer, stub_judge
from llm_eval.testing.stub_replies import hashed

QA = load_rubric("qa_correctness")
N = 6
RUBRIC = """\
name: tone
reference: none
dimensions:
  - name: tone
    weight: 0.5
    question: Is it friendly?
    levels: [{name: rude, means: it insults}, {name: kind, means: it is friendly}]
  - name: length
    weight: 0.5
    question: Is it short?
    levels: [{name: long, means: it rambles}, {name: short, means: it does not}]
"""
TASK = """\
name: greetings
data: rows.jsonl
messages: [{role: user, content: "Greet {{ who }}."}]
target: "Hello {{ who }}"
scorers:
  - {name: llm_judge, rubric: qa_correctness}
  - {name: llm_judge, rubric: tone.yaml, metric: tone}
"""
Command = Callable[..., tuple[int, str, str]]


def answer(prompt: str) -> str:
    return stub_judge.verdict(prompt) if stub_judge.is_judge_prompt(prompt) else hashed(prompt)


@pytest.fixture
def stub() -> Iterator[StubServer]:
    with StubServer(answer).in_thread() as server:
        yield server


@pytest.fixture
def db(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/runs.db"


@pytest.fixture
def command(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """One command in an empty directory: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--db", db])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def is_one_line(code: int, err: str, message: str) -> None:
    assert code == 2, err
    assert err.count("\n") == 1, err
    assert re.search(message, err), err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("reference: none", "referense: none", r"r\.yaml:2.*unknown key 'referense'.*'reference'"),
        ("weight: 0.5", "weight: 0.6", r"r\.yaml.*weights must sum to 1: 0\.6 \+ 0\.6 = 1\.2"),
        ("reference: none", 'prompt: "{{ candidat }}"', r"r\.yaml.*placeholder 'candidat'.*'cand"),
        ("reference: none", "prompt: grade it", r"r\.yaml.*\{\{ candidate \}\} must stand in it"),
        ("name: tone", "name: [1]", r"r\.yaml:1.*name"),
        ("question: Is it short?", "", r"r\.yaml:8.*question"),
    ],
)
def test_a_rubric_that_cannot_be_used_is_refused_before_anything_is_spent(
    command: Command, stub: StubServer, db: str, old: str, new: str, message: str
) -> None:
    Path("r.yaml").write_text(RUBRIC.replace(old, new))
    spec = f"openai/m@{stub.url}"
    code, out, err = command(
        "run", "qa", "--model", spec, "--judge-model", spec, "--rubric", "r.yaml", "--limit", "2"
    )
    is_one_line(code, err, message)
    assert out == ""
    assert stub.n_requests == 0
    assert MetricsStorage(db).count_runs() == 0


def judged(command: Command, stub: StubServer) -> str:
    spec = f"openai/m@{stub.url}"
    _, out, _ = command(
        "run", "qa", "--model", spec, "--judge-model", spec, "--limit", str(N), "--json"
    )
    return str(json.loads(out)["run_id"])


def filled(command: Command, run: str, *grades: str) -> list[dict[str, str]]:
    """The rows of an exported file with the first ones graded, every dimension alike."""
    assert command("review", "export", run, "--output", "labels.csv")[0] == 0
    rows = list(csv.DictReader(Path("labels.csv").read_text().splitlines(keepends=True)))
    for row, grade in zip(rows, grades, strict=False):
        row |= dict.fromkeys((d.name for d in QA.dimensions), grade)
    return rows


def write(rows: list[dict[str, str]]) -> None:
    with Path("labels.csv").open("w") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_labels_that_do_not_fit_are_told_and_nothing_is_lost(
    command: Command, stub: StubServer, db: str
) -> None:
    run = judged(command, stub)
    rows = filled(command, run, "2")
    write(rows)
    assert command("review", "import", run, "labels.csv", "--rater", "ann")[0] == 0
    known = MetricsStorage(db).labels.given(QA.scale)
    assert len(known) == 1

    def refused(changed: list[dict[str, str]], message: str) -> None:
        write(changed)
        code, _, err = command("review", "import", run, "labels.csv", "--rater", "ann")
        is_one_line(code, err, message)
        assert "nothing was stored" in err
        assert MetricsStorage(db).labels.given(QA.scale) == known

    new = filled(command, run, "2", "1")
    stranger = {**new[1], "item": "f" * 64, "sample": "qa-test-9999"}
    refused([*new, stranger], r"labels\.csv:\d+: no reply in the run is .*\(qa-test-9999\)")
    again = filled(command, run, "0", "1")  # of the first reply, ann has said 2
    refused(again, r"rater 'ann' has labelled item \w{12} otherwise .* --replace")
    twice = {**new[1], "correctness": "0"}
    refused([*new, twice], r"two labels by rater 'ann' for item \w{12}")
    half = {**new[1], "format": ""}
    refused([new[0], half], r"labels\.csv:\d+: format: has no level")

    write(again)
    assert command("review", "import", run, "labels.csv", "--rater", "ann", "--replace")[0] == 0
    assert len(MetricsStorage(db).labels.given(QA.scale)) == 2


def test_labels_of_chosen_replies_are_marked_so(
    command: Command, stub: StubServer, db: str
) -> None:
    run = judged(command, stub)
    write(filled(command, run, "2"))
    assert command("review", "import", run, "labels.csv", "--rater", "ann")[0] == 0
    write(filled(command, run, "", "1"))
    assert command("review", "import", run, "labels.csv", "--rater", "ann", "--chosen")[0] == 0
    drawn = [label.drawn for label in MetricsStorage(db).labels.given(QA.scale)]
    assert sorted(drawn) == ["next", "random"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("judge", "calibrate", "RUN"), r"0 of 6 judged replies have a label.*review label"),
        (("judge", "calibrate", "RUN", "--rubric", "tone"), r"unknown rubric 'tone'"),
        (("judge", "calibrate", "RUN", "--metric", "tone"), r"unknown --metric 'tone'; known: jud"),
        (("judge", "calibrate", "RUN", "--rater", "ann"), r"rater 'ann' has given no label"),
        (("review", "export", "RUN", "--rater", "ann", "--output", "x.csv"), r"rater 'ann' has g"),
        (("judge", "calibrate", "nowhere.jsonl"), r"nowhere\.jsonl: name who grades"),
        (("judge", "calibrate", "nowhere.jsonl", "--judge-model", "x/y"), r"nowhere\.jsonl"),
        (("review", "import", "RUN", "nowhere.csv"), r"nowhere\.csv"),
        (("review", "export", "RUN", "--output", "x.xlsx"), r"must end in \.csv or \.jsonl"),
        (("rescore", "RUN", "--rubric", "faithfulness"), r"give --judge-model SPEC"),
        (("rescore",), r"name the RUN to score again, or go on with one: --resume RUN"),
        (
            ("rescore", "--resume", "RUN"),
            r"is no rescoring; go on with: llm-eval run",
        ),
        (("rescore", "RUN", "--resume", "RUN"), r"--resume takes no RUN: the rescoring knows it"),
        (
            ("rescore", "--resume", "RUN", "--judge-model", "x/y"),
            r"--resume takes no --judge-model: the rescoring knows it",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(
    command: Command, stub: StubServer, arguments: tuple[str, ...], message: str
) -> None:
    run = judged(command, stub)
    code, _, err = command(*(run if word == "RUN" else word for word in arguments))
    is_one_line(code, err, message)


def test_of_several_judges_the_one_that_is_named_is_calibrated(
    command: Command, stub: StubServer, db: str
) -> None:
    Path("tone.yaml").write_text(RUBRIC)
    Path("task.yaml").write_text(TASK)
    names = ("Ann", "Bob", "Cleo", "Dan")
    Path("rows.jsonl").write_text("".join(json.dumps({"who": name}) + "\n" for name in names))
    spec = f"openai/m@{stub.url}"
    assert command("run", "task.yaml", "--model", spec, "--judge-model", spec)[0] == 0

    for arguments in (("judge", "calibrate", "latest"), ("review", "export", "latest",
                      "--output", "labels.csv")):  # fmt: skip
        code, _, err = command(*arguments)
        is_one_line(code, err, r"has 2 judges \(judge, tone\): name one with --metric")
    for metric, graded in (("judge", ("correctness", "completeness", "format")),
                           ("tone", ("tone", "length"))):  # fmt: skip
        assert command("review", "export", "latest", "--output", "labels.csv",
                       "--metric", metric)[0] == 0  # fmt: skip
        rows = list(csv.DictReader(Path("labels.csv").read_text().splitlines(keepends=True)))
        for number, row in enumerate(rows):
            row |= dict.fromkeys(graded, str(number % 2))
        write(rows)
        assert command("review", "import", "latest", "labels.csv", "--rater", "ann",
                       "--metric", metric)[0] == 0  # fmt: skip
        code, out, _ = command("judge", "calibrate", "latest", "--metric", metric, "--json")
        report = json.loads(out)
        assert (code, report["metric"], report["n_labelled"]) == (0, metric, 4)
        assert list(report["dimensions"]) == list(graded)
    code, out, _ = command("judge", "calibrate", "latest", "--metric", "tone", "--next", "2")
    assert code == 0
    assert "tone · openai/m" in out

    from llm_eval.errors import ConfigError
    from llm_eval.review.calibrated import calibrations_of, require_calibrated

    storage = MetricsStorage(db)
    info = storage.get_run("latest")
    assert calibrations_of(storage, info, "tone_length") != calibrations_of(storage, info, "judge")
    (found,) = require_calibrated(storage, info, metric="tone", min_labels=4)
    assert found.report["metric"] == "tone"
    with pytest.raises(ConfigError, match="name one with --metric"):
        require_calibrated(storage, info)


def test_a_rescored_run_is_labelled_and_probed_by_its_own_judge(
    command: Command, stub: StubServer
) -> None:
    run = judged(command, stub)
    Path("own.yaml").write_text(RUBRIC)
    with StubServer(answer).in_thread() as other:
        newer = ("--judge-model", f"openai/newer@{other.url}", "--rubric", "own.yaml")
        assert command("rescore", run, *newer)[0] == 0
        assert command("review", "export", "latest", "--output", "labels.csv")[0] == 0
        rows = list(csv.DictReader(Path("labels.csv").read_text().splitlines(keepends=True)))
        for number, row in enumerate(rows):
            row |= {"tone": str(number % 2), "length": "1"}
        write(rows)
        assert command("review", "import", "latest", "labels.csv", "--rater", "ann")[0] == 0
        before = other.n_requests, stub.n_requests
        code, out, err = command("judge", "calibrate", "latest", "--probe", "3", "--json")
        assert code == 0, err
        assert json.loads(out)["probes"]["n_pairs"] == 3
        assert other.n_requests > before[0]
        assert stub.n_requests == before[1]


def test_the_presets_are_listed_by_names_that_can_be_typed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["judge", "rubrics"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert set(preset_names()) <= set(names)
    assert len(preset_names()) >= 6
