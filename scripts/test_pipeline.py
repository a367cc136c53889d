"""Try every component and a three-sample run with a mock model: no key, no network, no GPU."""

import asyncio
import sys
import tempfile
from itertools import islice
from pathlib import Path

import _bootstrap  # noqa: F401 - finds the interpreter that has llm_eval

from llm_eval import MetricsStorage, ModelResponse, evaluate
from llm_eval.grading import grade
from llm_eval.tasks.build import build_task
from llm_eval.testing import ScriptedModel
from llm_eval.types import Prompt, Sampling, Score


def main() -> None:
    """Six component lines, an end-to-end run, a closing line; stops at the first fault."""
    print("Testing components...")
    task = build_task("json")
    samples = list(task.samples("test"))
    print(f"1. Loaded {len(samples)} test samples")

    first = samples[0]
    prompt = task.prompt(first)
    print(f"2. Prompt formatting ({len(prompt)} messages)")

    gold = {task.prompt(s): task.completion(s) for s in islice(samples, 3)}

    def answer(messages: Prompt, sampling: Sampling, repeat: int) -> str:  # noqa: ARG001
        return gold[messages]

    model = ScriptedModel(answer, name="mock")
    reply = asyncio.run(model.generate(prompt, Sampling()))
    expect(reply.text == gold[prompt], "the mock model answers")
    print("3. Mock model generation")

    graded = asyncio.run(grade(task, first, ModelResponse(gold[prompt], "mock")))
    scores = {s.metric: s.value for s in graded.scores if isinstance(s, Score)}
    expect(graded.parse_error is None and scores["exact_match"] == 1.0, "the gold answer scores 1")
    print("4. JSON scoring (parse + exact match)")

    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{Path(directory) / 'runs.db'}"
        with MetricsStorage(url) as storage:
            run = evaluate(task, model, limit=3, db=storage)
            expect(run.metrics["exact_match"].value == 1.0, "three gold answers average 1")
            print("5. Metrics collection & aggregation")

            stored = list(storage.results(run.run_id))
            expect([r.sample.id for r in stored] == [s.id for s in samples[:3]], "rows read back")
            print("6. SQLite storage read/write")

    print("\nTesting full pipeline...")
    expect(run.status == "complete" and len(stored) == 3, "the run is complete")
    print("3-sample end-to-end test passed\n")
    print("All tests completed successfully!")


def expect(holds: bool, claim: str) -> None:
    """Leave with exit code 1 and the claim that does not hold."""
    if not holds:
        sys.exit(f"failed: {claim}")


if __name__ == "__main__":
    main()
