"""A verdict is held to its schema where the endpoint can; where it refuses, it is asked plainly."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_eval.evaluation import evaluate
from llm_eval.execution import Evaluation
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.budget import Budget
from llm_eval.models.gguf_model import GGUFModel
from llm_eval.review.duels import Play, play
from llm_eval.review.items import rubric_of
from llm_eval.scorers.judge_models import build_judges
from llm_eval.scorers.judge_prompt import Case, judge_prompt
from llm_eval.scorers.level_weights import level_weights
from llm_eval.scorers.opinion import Asking
from llm_eval.scorers.rubric import read_rubric
from llm_eval.scorers.verdict import read_verdict
from llm_eval.testing import Faults, StubServer, stub_judge
from llm_eval.testing.stub_replies import hashed
from llm_eval.yaml_source import parse_yaml

N = 4
RUBRIC = """
name: short
reference: none
dimensions:
  - name: fit
    question: Does it answer?
    levels: [{name: no_fit, means: it does not}, {name: fits, means: it does}]
"""
CONFIG = """
models:
  judge:
    provider: {provider}
    model: judge
    base_url: {url}
    limits: {{max_attempts: 1}}
    capabilities: {{{capabilities}}}
"""


@pytest.fixture(scope="module")
def candidate() -> Iterator[str]:
    with StubServer(hashed).in_thread() as server:
        yield f"openai/candidate@{server.url}"


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models.yaml").write_text("models: {}\n")
    monkeypatch.setenv("LLM_EVAL_CONFIG", str(tmp_path / "models.yaml"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")


def judged(
    storage: MetricsStorage,
    candidate: str,
    judge: StubServer,
    tmp_path: Path,
    *,
    provider: str = "openai",
    capabilities: str = "",
) -> Evaluation:
    url = judge.url if provider == "openai" else judge.root
    text = CONFIG.format(provider=provider, url=url, capabilities=capabilities)
    (tmp_path / "models.yaml").write_text(text)
    return evaluate("qa", candidate, judge_model="judge", limit=N, db=storage)


@pytest.mark.parametrize(
    ("provider", "capabilities", "refuses", "field", "mode"),
    [
        ("openai", "", (), "response_format", "logprobs"),
        ("openai", "", ("logprobs",), "response_format", "levels"),
        ("openai", "logprobs: false", (), "response_format", "levels"),
        ("openai", "", ("response_format",), None, "logprobs"),
        ("openai", "", ("response_format", "logprobs"), None, "levels"),
        ("openai", "json_schema: false", ("response_format",), None, "logprobs"),
        ("anthropic", "", (), "tools", "levels"),
        ("anthropic", "", ("tools",), None, "levels"),
    ],
)
def test_each_kind_of_endpoint_gives_verdicts(
    storage: MetricsStorage,
    candidate: str,
    tmp_path: Path,
    provider: str,
    capabilities: str,
    refuses: tuple[str, ...],
    field: str | None,
    mode: str,
) -> None:
    with StubServer(stub_judge.verdict, refuses=refuses).in_thread() as judge:
        run = judged(
            storage, candidate, judge, tmp_path, provider=provider, capabilities=capabilities
        )
        (block,) = run.summary.to_dict()["judge"]
        last = judge.journal[-1].fields
    assert (block["states"]["scored"], block["mode"]) == (N, mode)
    held = {"response_format", "tools"} & set(last)
    assert held == ({field} if field else set())
    refused = field is None and not capabilities
    assert any("refuses a schema" in warning for warning in block["warnings"]) == refused
    (usage,) = block["usage"].values()
    assert usage["calls"] > N


def test_two_runs_of_a_judge_that_stumbles_at_first_are_on_one_scale(
    storage: MetricsStorage, candidate: str, tmp_path: Path
) -> None:
    with StubServer(stub_judge.verdict, faults=Faults(script=["503"])).in_thread() as judge:
        first = judged(storage, candidate, judge, tmp_path)
        again = judged(storage, candidate, judge, tmp_path)
    one, other = (run.summary.to_dict()["judge"][0] for run in (first, again))
    assert one["mode"] == other["mode"] == "logprobs"
    assert one["recipe"] == other["recipe"]


def test_a_judge_that_is_down_when_the_run_begins_is_told_with_the_remedy(
    storage: MetricsStorage, candidate: str, tmp_path: Path
) -> None:
    with StubServer(faults=Faults({"503": 1.0})).in_thread() as down:
        run = judged(storage, candidate, down, tmp_path)
        asked = down.n_requests
    (block,) = run.summary.to_dict()["judge"]
    assert (block["states"]["transport_error"], block["mode"]) == (N, "not settled")
    assert any("`llm-eval rescore` judges" in warning for warning in block["warnings"])
    assert run.metrics["exact_match"].n_scored == N
    assert asked == 5  # one question on each of five samples; nothing is asked in vain after that


def test_runs_are_set_against_each_other_by_a_judge_without_a_schema(
    storage: MetricsStorage, candidate: str
) -> None:
    with (
        StubServer(lambda prompt: "Moldova").in_thread() as other,
        StubServer(stub_judge.verdict, refuses=["response_format"]).in_thread() as judge,
    ):
        runs = [
            storage.get_run(evaluate("qa", model, limit=N, db=storage).run_id)
            for model in (candidate, f"openai/other@{other.url}")
        ]
        judges = build_judges(f"openai/judge@{judge.url}", cache=None, budget=Budget())
        played = play(runs, judges, rubric_of(runs[0], None), Play(), storage)
    assert [duel.state for duel in played.duels] == [None] * N


@pytest.mark.embedded
async def test_the_embedded_engine_holds_a_verdict_to_its_schema(embedded_model: Path) -> None:
    model = GGUFModel("m", embedded_model, args={"n_ctx": 1024, "n_parallel": 1})
    rubric = read_rubric(parse_yaml(RUBRIC))
    case = Case("Capital of France?", None, "Paris", {})
    await model.start()
    try:
        asking = Asking(mode="logprobs", max_tokens=120)
        reply = await model.generate(judge_prompt(rubric, case), asking.sampling(rubric, 0))
    finally:
        await model.aclose()
    assert list(json.loads(reply.text)) == ["evidence", "reasoning", "verdict"]
    assert read_verdict(reply, rubric).levels["fit"] in (0, 1)
    weights = level_weights(reply, rubric)
    assert weights is not None
    assert sum(weights["fit"]) == pytest.approx(1)
