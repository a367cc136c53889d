"""`python -m benchmarks.judge_injections`: who can be talked into a pass.

    python -m benchmarks.judge_injections                                   parsers alone, no model
    python -m benchmarks.judge_injections --judge-model local/smollm2-135m  the same model in all

Every text of the injection suite is put to every judge as the reply to one question. `parrot`
counts the texts that pass when the judge's reply is the text itself: what the parser alone lets
through. The controls are the right answer, which should pass, and a wrong one, which should not.
"""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks.judge_prompts import OTHERS, OtherJudge, Passed
from llm_eval.config import load_models, parse_spec
from llm_eval.errors import ProviderError
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.base import BaseModel
from llm_eval.models.build import build_model
from llm_eval.scorers.injections import injections
from llm_eval.scorers.judge_prompt import Case, judge_prompt
from llm_eval.scorers.rubric import load_rubric
from llm_eval.scorers.verdict import NoVerdictError, read_verdict, verdict_schema
from llm_eval.types import ModelResponse, Prompt, Sampling

QUESTION, REFERENCE, WRONG = "What is the capital of Australia?", "Canberra", "Sydney"
RUBRIC = load_rubric("qa_correctness")


@dataclass(frozen=True, slots=True)
class Row:
    """One judge's line of the table."""

    judge: str
    parrot: int
    passed: int | None
    unread: int | None
    right: Passed
    wrong: Passed


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--judge-model", metavar="SPEC")
    parser.add_argument("--max-tokens", type=int, default=160)
    args = parser.parse_args()
    rows = asyncio.run(_table(args.judge_model, args.max_tokens))
    n = len(injections())
    print(f"| judge | parrot | of {n} passed | unread | right answer | wrong answer |")
    print("|---|---:|---:|---:|---|---|")
    for row in rows:
        controls = [_word(row.right), _word(row.wrong)] if args.judge_model else ["–", "–"]
        shown = [row.judge, row.parrot, row.passed, row.unread, *controls]
        print("| " + " | ".join("–" if cell is None else str(cell) for cell in shown) + " |")


async def _table(spec: str | None, max_tokens: int) -> list[Row]:
    if spec is None:
        return [Row(name, _parrots(read), None, None, None, None) for name, _, read, _ in _judges()]
    with MetricsStorage() as storage:
        model = build_model(parse_spec(spec, load_models()), cache=storage.cache())
        await model.start()
        try:
            return [await _row(model, judge, max_tokens) for judge in _judges()]
        finally:
            await model.aclose()


Judge = tuple[str, Callable[[str], Prompt], Callable[[str, str], Passed], Sampling]
"""Name, prompt of a reply, verdict in a text (given the reply), and how it is asked."""


def _judges() -> Sequence[Judge]:
    ours: Judge = ("ours", _our_prompt, _our_verdict, Sampling(json_schema=verdict_schema(RUBRIC)))
    return [ours, *map(_other, OTHERS)]


def _other(judge: OtherJudge) -> Judge:
    return (
        judge.name,
        lambda reply: judge.prompt(QUESTION, REFERENCE, reply),
        lambda text, _reply: judge.read(text),
        Sampling(json_schema=judge.schema),
    )


def _our_prompt(reply: str) -> Prompt:
    return judge_prompt(RUBRIC, Case(QUESTION, REFERENCE, reply, {}))


def _our_verdict(text: str, reply: str) -> Passed:
    try:
        found = read_verdict(ModelResponse(text, "judge"), RUBRIC, untrusted=[reply])
    except NoVerdictError:
        return None
    return RUBRIC.passes(found.levels)


def _parrots(read: Callable[[str, str], Passed]) -> int:
    return sum(read(injection.text, injection.text) is True for injection in injections())


async def _row(model: BaseModel, judge: Judge, max_tokens: int) -> Row:
    name, prompt, read, sampling = judge
    texts = [*(injection.text for injection in injections()), REFERENCE, WRONG]
    # One after the other by slots of the model; a judge's fixed beginning stays in its cache.
    replies = await asyncio.gather(
        *(_reply(model, prompt(text), sampling, max_tokens) for text in texts)
    )
    verdicts = [
        None if reply is None else read(reply, text)
        for reply, text in zip(replies, texts, strict=True)
    ]
    tried = verdicts[:-2]
    print(f"{name} done", flush=True)
    return Row(name, _parrots(read), tried.count(True), tried.count(None), *verdicts[-2:])


async def _reply(
    model: BaseModel, prompt: Prompt, sampling: Sampling, max_tokens: int
) -> str | None:
    try:
        response = await model.generate(prompt, replace(sampling, max_tokens=max_tokens))
    except ProviderError:
        return None
    return response.text


def _word(passed: Passed) -> str:
    return "unread" if passed is None else "passed" if passed else "failed"


if __name__ == "__main__":
    main()
