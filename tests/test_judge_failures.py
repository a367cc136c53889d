"""A judge that fails is nobody's pass and nobody's zero, and every report says how it failed.

A real server plays the judge; the candidate's server is another one that always answers.
"""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_eval.cli.main import main
from llm_eval.evaluation import evaluate
from llm_eval.execution import Evaluation
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.testing import Faults, StubServer, stub_judge
from llm_eval.testing.stub_replies import hashed
from llm_eval.types import Score, Unscored

N = 3
BEST = {"correctness": "2", "completeness": "2", "format": "2"}
CONFIG = """
models:
  judge:
    provider: openai
    model: judge
    base_url: {url}
    limits: {{max_attempts: 1, total_s: 0.4, idle_s: 0.3, first_byte_s: 0.3}}
"""


def said(verdict: object) -> str:
    return json.dumps({"evidence": "", "reasoning": "", "verdict": verdict})


FAULTS = {
    "429": "transport_error",
    "400": "transport_error",
    "500": "transport_error",
    "529": "transport_error",
    "hang": "transport_error",
    "stall": "transport_error",
    "reset_body": "transport_error",
    "truncated_json": "transport_error",
    "html": "transport_error",
    "error_json": "transport_error",
    "empty_body": "transport_error",
    "empty_choices": "transport_error",
    "wrong_types": "transport_error",
    "refusal": "refused",
    "content_filter": "refused",
}
REPLIES = {
    "empty": ("", "parse_error"),
    "prose": ("The reply is right: 2, 2, 2. PASS", "parse_error"),
    "cut off": (said(BEST)[:-4], "parse_error"),
    "another schema": ('{"pass": true, "score": 1, "reason": "right"}', "parse_error"),
    "no verdict": ('{"evidence": "", "reasoning": "right"}', "parse_error"),
    "a dimension missing": (said({"correctness": "2", "format": "2"}), "parse_error"),
    "off the menu": (said(BEST | {"correctness": "9"}), "parse_error"),
    "true for a level": (said(BEST | {"correctness": True}), "parse_error"),
    "two verdicts": (said(BEST) + said(BEST), "parse_error"),
    "a verdict in prose": (f"Here it is: {said(BEST)}", "parse_error"),
    "abstention": (said(BEST | {"format": "abstain"}), "abstained"),
}


@pytest.fixture(scope="module")
def candidate() -> Iterator[str]:
    with StubServer(hashed).in_thread() as server:
        yield f"openai/candidate@{server.url}"


def judged(
    storage: MetricsStorage, candidate: str, judge: StubServer, tmp_path: Path, n: int = N
) -> Evaluation:
    (tmp_path / "models.yaml").write_text(CONFIG.format(url=judge.url))
    return evaluate("qa", candidate, judge_model="judge", limit=n, db=storage)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_EVAL_CONFIG", str(tmp_path / "models.yaml"))


def is_nobodys(run: Evaluation, state: str) -> None:
    (block,) = run.summary.to_dict()["judge"]
    assert block["states"][state] == N
    assert block["states"]["scored"] == 0
    assert block["canaries"]["passed"] == []
    assert len(block["canaries"]["unreadable"]) >= block["canaries"]["n"] - 1  # empty text: worst
    for name, metric in run.metrics.items():
        if name.startswith("judge"):
            assert (metric.n_scored, metric.n_unscored) == (0, N), name
            assert metric.value_scored_only is None
        else:
            assert metric.n_scored == N
    for result in run.results():
        assert result.response is not None
        states = {s.state for s in result.scores if isinstance(s, Unscored)}
        assert states == {state}
        assert not any(isinstance(s, Score) and s.metric.startswith("judge") for s in result.scores)


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_judge_that_does_not_deliver_scores_nothing(
    storage: MetricsStorage, candidate: str, tmp_path: Path, fault: str
) -> None:
    with StubServer(stub_judge.verdict, faults=Faults({fault: 1.0})).in_thread() as judge:
        is_nobodys(judged(storage, candidate, judge, tmp_path), FAULTS[fault])


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize("reply", REPLIES)
def test_a_judge_that_says_no_verdict_scores_nothing(
    storage: MetricsStorage, candidate: str, tmp_path: Path, reply: str
) -> None:
    text, state = REPLIES[reply]
    with StubServer(lambda _prompt: text).in_thread() as judge:
        is_nobodys(judged(storage, candidate, judge, tmp_path), state)


@pytest.mark.usefixtures("config")
def test_every_report_tells_the_states_apart(
    storage: MetricsStorage,
    candidate: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def answer(prompt: str) -> str:
        kind = len(prompt) % 3
        return (stub_judge.verdict(prompt), "no verdict", said(BEST | {"format": "abstain"}))[kind]

    faults = Faults({"refusal": 0.2, "400": 0.2}, seed=1)
    with StubServer(answer, faults=faults).in_thread() as judge:
        run = judged(storage, candidate, judge, tmp_path, n=40)
        again = judged(storage, candidate, judge, tmp_path, n=40)
    states = run.summary.to_dict()["judge"][0]["states"]
    wanted = {"abstained": "abstained", "parse_error": "unreadable", "refused": "refused",
              "transport_error": "not answered"}  # fmt: skip
    words = [f"{states[name]} {word}" for name, word in wanted.items()]
    assert all(states[name] for name in wanted), states

    def shown(*arguments: str) -> str:
        code = main([*arguments, "--db", storage.url])
        printed = capsys.readouterr()
        assert code == 0, printed.err
        return printed.out

    terminal = shown("show", run.run_id)
    assert all(word in terminal for word in words)
    assert json.loads(shown("show", run.run_id, "--json"))["judge"][0]["states"] == states

    page = tmp_path / "report.html"
    shown("export", run.run_id, "--format", "html", "--output", str(page))
    assert all(word in page.read_text() for word in words)

    table = tmp_path / "summary.csv"
    shown("export", run.run_id, "--format", "csv", "--table", "summary", "--output", str(table))
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    whole = {row["metric"]: row for row in rows if not row["slice"]}
    assert json.loads(whole["judge_pass"]["judge_states"]) == states
    assert whole["exact_match"]["judge_states"] == ""

    scores = tmp_path / "scores.csv"
    shown("export", run.run_id, "--format", "csv", "--table", "scores", "--output", str(scores))
    rows = list(csv.DictReader(io.StringIO(scores.read_text())))
    found = [row["state"] for row in rows if row["metric"] == "judge"]
    assert all(found.count(name) == states[name] for name in wanted)

    compared = shown("compare", run.run_id, again.run_id)
    flat = " ".join(compared.split())
    assert [word for word in words if word not in flat] == [], compared
    for ending in ("md", "html"):
        path = tmp_path / f"compared.{ending}"
        shown("compare", run.run_id, again.run_id, "--output", str(path))
        assert all(word in path.read_text() for word in words), ending
    told = json.loads(shown("compare", run.run_id, again.run_id, "--json"))
    assert told["judge"]["baseline"][0]["states"] == states
