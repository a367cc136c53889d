"""Runs against each other: what a judge finds better, in both orders, with what it cannot tell."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from llm_eval.errors import ConfigError
from llm_eval.evaluation import evaluate
from llm_eval.execution import Evaluation
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.budget import Budget
from llm_eval.review.duels import Duel, Play, Played, majority, play
from llm_eval.review.standings import rows, standings
from llm_eval.scorers.canaries import CanaryReport
from llm_eval.scorers.judge_models import build_judges
from llm_eval.scorers.pairwise import PairOutcome, TwoReplies
from llm_eval.scorers.rubric import load_rubric
from llm_eval.testing import Faults, StubServer, stub_judge
from llm_eval.testing.stub import _known
from llm_eval.types import RunInfo, Sample

QA = load_rubric("qa_correctness")
N = 30
POSITION = '{"evidence": "", "reasoning": "", "better": "one"}'


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Start a stub; its SPEC under a name."""
    with ExitStack() as servers:

        def start(name: str, answer: Callable[[str], str], faults: Faults | None = None) -> str:
            made = StubServer(answer, faults=faults or Faults())
            return f"openai/{name}@{servers.enter_context(made.in_thread()).url}"

        yield start


@pytest.fixture
def runs(storage: MetricsStorage, serve: Callable[..., str]) -> list[Evaluation]:
    """Three runs; the first is right most often, the last least."""
    return [
        evaluate("qa", serve(name, _known(["qa"], wrong)), limit=N, db=storage)
        for name, wrong in (("good", 0.1), ("fair", 0.4), ("poor", 0.7))
    ]


def report(
    storage: MetricsStorage, runs: list[Evaluation], judge: str, **how: Any
) -> dict[str, Any]:
    judges = build_judges(judge, cache=storage.cache(), budget=Budget())
    infos = [storage.get_run(run.run_id) for run in runs]
    return standings(play(infos, judges, QA, Play(**how), storage), [j.name for j in judges])


def test_a_judge_that_knows_ranks_the_runs(
    storage: MetricsStorage, runs: list[Evaluation], serve: Callable[..., str]
) -> None:
    found = report(storage, runs, serve("judge", stub_judge.verdict))
    first = found["pairs"][0]
    right = [{r.sample.id: r.scores[0].value == 1 for r in run.results()} for run in runs[:2]]  # type: ignore[union-attr]
    assert first["wins"] == sum(right[0][i] and not right[1][i] for i in right[0])
    assert first["losses"] == sum(right[1][i] and not right[0][i] for i in right[0])
    assert first["wins"] + first["ties"] + first["losses"] == first["n"] == N
    assert first["ci95"][0] <= first["win_rate"] <= first["ci95"][1]
    assert found["bias"]["flip_rate"]["value"] == 0
    assert found["canaries"]["passed"] == []
    assert [row["model"].split("@")[0] for row in found["ranking"]] == [
        "openai/good", "openai/fair", "openai/poor"
    ]  # fmt: skip
    assert found["status"] == "complete"


def test_a_judge_that_follows_the_position_decides_nothing_and_is_told(
    storage: MetricsStorage, runs: list[Evaluation], serve: Callable[..., str]
) -> None:
    found = report(storage, runs[:2], serve("judge", lambda _: POSITION))
    (pair,) = found["pairs"]
    assert pair["wins"] == pair["losses"] == 0
    assert pair["ties"] == N
    assert found["bias"]["flip_rate"]["value"] == 1.0
    assert found["bias"]["first_position_rate"]["value"] == 1.0
    assert any("turned with the order" in warning for warning in found["warnings"])


def test_equal_replies_tie_without_a_call(
    storage: MetricsStorage, runs: list[Evaluation], serve: Callable[..., str]
) -> None:
    again = evaluate("qa", runs[0].summary.model, limit=N, db=storage)
    with StubServer(stub_judge.verdict).in_thread() as stub:
        found = report(storage, [runs[0], again], f"openai/judge@{stub.url}")
        canaries = 2 * found["canaries"]["n"]
        assert stub.n_requests == canaries > 0
    assert found["pairs"][0]["identical"] == found["pairs"][0]["ties"] == N


@pytest.mark.parametrize("fault", ["400", "refusal", "content_filter"])
def test_a_judge_that_fails_gives_nobody_a_point(
    storage: MetricsStorage, runs: list[Evaluation], serve: Callable[..., str], fault: str
) -> None:
    judge = serve("judge", stub_judge.verdict, Faults({fault: 1.0}))
    found = report(storage, runs[:2], judge, limit=6)
    (pair,) = found["pairs"]
    asked = 6 - pair["identical"]
    assert pair["wins"] == pair["losses"] == 0
    assert sum(pair["no_verdict"].values()) == asked
    assert found["status"] == "incomplete"
    assert any("without a verdict" in warning for warning in found["warnings"])


def test_duels_over_one_document_tell_nothing_of_others() -> None:
    def one_sided(cluster: Callable[[int], str | None]) -> dict[str, Any]:
        duels = tuple(
            Duel(
                Sample(str(n), str(n), {}, "", cluster=cluster(n)),
                *("a", "b", TwoReplies("?", "x", "y")),
                outcome=PairOutcome("first", True, None),
            )
            for n in range(100)
        )
        runs = tuple(RunInfo(name, "qa", name, "", {}) for name in "ab")
        played = Played(runs, duels, 100, {("a", "b"): 0}, CanaryReport((), ()), None)
        (pair,) = standings(played, ["judge"])["pairs"]
        return dict(pair)

    assert one_sided(lambda _: None)["ci95"][0] > 0.95
    assert one_sided(lambda n: str(n % 10))["ci95"][0] > 0.95
    assert one_sided(lambda _: "report.pdf")["ci95"] == [0.0, 1.0]


def test_a_panel_decides_by_majority() -> None:
    won, lost, tied = (PairOutcome(w, True, None) for w in ("first", "second", "tie"))
    assert majority([won, won, lost]).winner == "first"
    assert majority([won, lost]).winner == "tie"
    assert majority([won, lost, tied]).winner == "tie"
    assert not majority([won, won, PairOutcome("tie", False, "one")]).consistent


def test_a_candidate_without_a_reply_is_counted_apart(
    storage: MetricsStorage, runs: list[Evaluation], serve: Callable[..., str]
) -> None:
    broken = serve("broken", _known(["qa"], 0.2), Faults({"400": 0.3}, seed=3))
    with_holes = evaluate("qa", broken, limit=N, db=storage)
    found = report(storage, [runs[0], with_holes], serve("judge", stub_judge.verdict))
    (pair,) = found["pairs"]
    assert pair["n_missing"] == with_holes.summary.n_failed > 0
    assert pair["n"] + pair["n_missing"] == N
    low, high = pair["win_rate_bounds"]
    assert low < pair["win_rate"] < high


def test_what_cannot_be_set_against_each_other_is_refused(
    storage: MetricsStorage, runs: list[Evaluation], serve: Callable[..., str]
) -> None:
    judge = serve("judge", stub_judge.verdict)
    with pytest.raises(ConfigError, match="two different runs"):
        report(storage, [runs[0], runs[0]], judge)
    other = evaluate("json", serve("json", _known(["json"], 0.0)), limit=2, db=storage)
    with pytest.raises(ConfigError, match="have no sample that two of them replied to"):
        report(storage, [runs[0], other], judge)


def test_every_duel_is_written_with_both_replies(
    storage: MetricsStorage, runs: list[Evaluation], serve: Callable[..., str]
) -> None:
    judges = build_judges(serve("judge", stub_judge.verdict), cache=None, budget=Budget())
    infos = [storage.get_run(run.run_id) for run in runs[:2]]
    found = list(rows(play(infos, judges, QA, Play(limit=5), storage)))
    assert len(found) == 5
    assert {row["state"] for row in found} == {"scored"}
    assert json.loads(json.dumps(found)) == found


def test_from_the_command_line(
    runs: list[Evaluation],
    serve: Callable[..., str],
    storage: MetricsStorage,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from llm_eval.cli.main import main

    judge = serve("judge", stub_judge.verdict)
    ids = [run.run_id for run in runs]
    path = tmp_path / "duels.jsonl"
    command = ["judge", "pairwise", *ids, "--judge-model", judge, "--db", storage.url]
    assert main([*command, "--limit", "20", "--output", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "Bradley–Terry" in shown
    assert "turned with the order: 0.0 %" in shown
    assert all(word in shown for word in ("wins", "95 % interval", "no verdict", "1 : 2", "2 : 3"))
    assert len(path.read_text().splitlines()) == 60
    assert main([*command, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["pairs"]) == 3
