"""What a probe asks is what the judge was asked in the run, but for what is probed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_eval.evaluation import evaluate
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.review.probes import DRAWS, probe
from llm_eval.scorers.rubric import load_rubric
from llm_eval.testing import StubServer, stub_judge
from llm_eval.testing.stub_replies import hashed

N = 4
OWN_PROMPT = """\
name: faithful
reference: none
prompt: |
  Is it said in the source?
  {{ input.question }}
  {{ candidate }}
dimensions:
  - name: faithful
    question: Does the source say so?
    levels: [{name: no, means: it does not}, {name: yes, means: it does}]
"""


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def stub(asked: list[str]) -> Iterator[StubServer]:
    def answer(prompt: str) -> str:
        if not stub_judge.is_judge_prompt(prompt):
            return hashed(prompt)
        asked.append(prompt)
        return stub_judge.verdict(prompt)

    with StubServer(answer).in_thread() as server:
        yield server


def test_a_prompt_of_ones_own_gets_the_fields_of_the_sample(
    storage: MetricsStorage, stub: StubServer, asked: list[str], tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text(OWN_PROMPT)
    judge = f"openai/judge@{stub.url}"
    rubric = str(tmp_path / "own.yaml")
    model = f"openai/m@{stub.url}"
    done = evaluate("qa", model, judge_model=judge, rubric=rubric, limit=N, db=storage)
    questions = [r.sample.inputs["question"] for r in storage.results(done.run_id)]
    asked.clear()
    report = probe(storage, storage.get_run(done.run_id), load_rubric(rubric), N)
    assert (report["n_pairs"], report["n_opinions"]) == (N, N)
    own = [prompt for prompt in asked if "Is it said in the source?" in prompt]
    assert len(own) >= N * (DRAWS - 1)  # the run's own draw is in the cache
    for question in questions:
        assert any(question in prompt for prompt in own)
