"""Make a small run database to look at: two tasks, two stub models, three rounds, a judge, labels.

    python3 scripts/make_sample_database.py [PATH]      default: .llm_eval/sample.db

The rows, the engine, the scores and the statistics are real; the replies are the right ones with
mistakes put in, a smaller share in each round. Takes a few seconds; needs no network.
"""

import json
import random
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import _bootstrap  # noqa: F401 - finds the interpreter that has llm_eval

from llm_eval import Evaluation, MetricsStorage, ModelResponse, evaluate
from llm_eval.metrics.labels import Label, item_of
from llm_eval.scorers.rubric import load_rubric
from llm_eval.tasks.build import build_task
from llm_eval.testing import ScriptedModel, StubServer
from llm_eval.testing import stub_judge
from llm_eval.types import Prompt, Sampling, Usage

MODELS = {"stub/small": (0.5, 0.15e-6), "stub/large": (0.3, 2.5e-6)}
"""Share of mistakes in the first round, dollars a token."""
ROUNDS = 3
N_LABELS = 40


def main(path: Path) -> None:
    """Make the database anew and say where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()
    known = {task: answers(task) for task in ("json", "qa")}
    with MetricsStorage(f"sqlite:///{path}") as storage:
        judge(storage, known["qa"])
        for number in range(ROUNDS):
            for task, gold in known.items():
                for name, (wrong, price) in MODELS.items():
                    model = Stub(name, gold, wrong * 0.85**number, price).model(number)
                    run(storage, task, model, number)
        print(f"{path}: {storage.count_runs()} runs")


def run(storage: MetricsStorage, task: str, model: ScriptedModel, number: int) -> Evaluation:
    """One run, tagged with its round."""
    return evaluate(task, model, db=storage, tags={"round": str(number + 1)})


def judge(storage: MetricsStorage, gold: Mapping[str, str]) -> None:
    """A judged run, and labels on some of its replies by comparison with the reference."""
    server = StubServer(lambda prompt: stub_judge.verdict(prompt, wrong=0.1))
    with server.in_thread():
        name = f"openai/stub-judge@{server.url}"
        model = Stub("stub/medium", gold, 0.4, 0.5e-6).model(0)
        done = evaluate("qa", model, db=storage, judge_model=name, tags={"round": "judged"})
    rubric = load_rubric("qa_correctness")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    storage.labels.put(
        [
            Label(
                item_of(result.sample.key, result.response.text),
                rubric.scale,
                "reference",
                result.sample.key,
                now,
                {d.name: (len(d.levels) - 1) * exact(result) for d in rubric.dimensions},
            )
            for result in done.results()
            if result.response is not None and result.index < N_LABELS
        ]
    )


def exact(result: Any) -> int:
    """1 where the reply is exactly right, else 0."""
    return int(
        any(s.metric == "exact_match" and getattr(s, "value", 0) == 1 for s in result.scores)
    )


def answers(task: str) -> dict[str, str]:
    """The right reply to each prompt."""
    built = build_task(task)
    return {
        built.prompt(sample)[-1].content: built.completion(sample)
        for sample in built.samples("test")
    }


class Stub:
    """Right replies with a share of mistakes."""

    def __init__(self, name: str, gold: Mapping[str, str], wrong: float, price: float) -> None:
        self.name, self.gold, self.wrong, self.price = name, gold, wrong, price

    def model(self, number: int) -> ScriptedModel:
        """As a model; another revision each round, so that no reply comes from the cache."""
        return ScriptedModel(self.reply, name=self.name, revision=str(number))

    def reply(self, messages: Prompt, sampling: Sampling, repeat: int) -> ModelResponse:
        """The reply to a prompt: always the same."""
        prompt = messages[-1].content
        dice = random.Random(f"{self.name}{prompt}")
        text = self.gold[prompt]
        if dice.random() < self.wrong:
            text = mistaken(text, list(self.gold.values()), dice)
        tokens = Usage(sum(len(m.content) for m in messages) // 4, len(text) // 4 + 1)
        cost = self.price * (tokens.prompt_tokens + 4 * tokens.completion_tokens)
        seconds = dice.lognormvariate(-1.0 if self.price > 1e-6 else -1.6, 0.4)
        return ModelResponse(text, self.name, usage=tokens, latency_s=seconds, cost_usd=cost)


def mistaken(text: str, others: list[str], dice: random.Random) -> str:
    """A field lost or changed, or somebody else's answer."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict) or len(value) < 2:
        return dice.choice(others)
    name = dice.choice(sorted(value))
    if dice.random() < 0.4:
        del value[name]
    else:
        value[name] = "unknown" if isinstance(value[name], str) else None
    if dice.random() < 0.2:
        value["comment"] = "as asked"
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ".llm_eval/sample.db"))
