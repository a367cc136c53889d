"""`python -m llm_eval.testing.stub`: an endpoint to try the harness on, or to measure it with.

    python -m llm_eval.testing.stub --port 8000 --latency-ms 20 --fault 429=0.05 &
    llm-eval run qa --model openai/stub@http://127.0.0.1:8000/v1

With --gold it knows the right answers of the tasks, with --judge it grades what an LLM judge is
asked; with --journal FILE it writes what it was asked, one JSON object a line, when it ends.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import msgspec

from llm_eval.testing import stub_judge
from llm_eval.testing.server_process import add_faults, serve
from llm_eval.testing.stub_faults import NAMES, Faults
from llm_eval.testing.stub_replies import Answer, Asked, hashed
from llm_eval.testing.stub_server import Latency, StubServer


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    args = _parser().parse_args()
    server = StubServer(
        _judging(_known(args.gold, args.wrong) if args.gold else hashed, args.judge),
        latency_s=latency(args.latency_ms / 1000, args.tail),
        faults=Faults(dict(args.fault), seed=args.seed, retry_after_s=args.retry_after),
        requests_per_s=args.requests_per_s,
        port=args.port,
        journal=args.journal is not None,
    )
    import uvloop

    uvloop.run(serve(server))
    if args.journal is not None:
        lines = [msgspec.json.encode(exchange) for exchange in server.journal]
        args.journal.write_bytes(b"\n".join([*lines, b""]))


def latency(median_s: float, tail: float) -> Latency:
    """A constant, or log-normal around a median: `tail` is the sigma; 1.0 is heavy.

    Each prompt has its own latency, so that a run can be repeated.
    """
    if tail == 0:
        return median_s
    import math
    import random
    from statistics import NormalDist

    def of(asked: Asked) -> float:
        level = random.Random(asked.prompt).random()  # noqa: S311 - no secret
        return median_s * math.exp(tail * NormalDist().inv_cdf(min(max(level, 1e-6), 1 - 1e-6)))

    return of


def _known(tasks: list[str], wrong: float) -> Answer:
    """The right answer to each prompt of `tasks`, but for a share of `wrong` ones."""
    from llm_eval.tasks.build import build_task

    gold: dict[str, str] = {}
    for name in tasks:
        task = build_task(name)
        for split in task.splits:
            for sample in task.samples(split):
                text = "\n".join(message.content for message in task.prompt(sample))
                gold[text] = task.completion(sample)
    return _mistaken(gold, wrong)


def _judging(answer: Answer, wrong: float | None) -> Answer:
    """`answer`, and a verdict where a judge is asked."""
    if wrong is None:
        return answer
    return lambda prompt: (
        stub_judge.verdict(prompt, wrong) if stub_judge.is_judge_prompt(prompt) else answer(prompt)
    )


def _mistaken(gold: Mapping[str, str], wrong: float) -> Answer:
    import random

    def answer(prompt: str) -> str:
        if random.Random(prompt).random() < wrong:  # noqa: S311 - no secret
            return hashed(prompt)
        return gold.get(prompt) or hashed(prompt)

    return answer


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m llm_eval.testing.stub", description="An endpoint for tests and benchmarks."
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 takes a free one")
    add("--latency-ms", type=float, default=0.0, help="median time of a reply")
    add("--tail", type=float, default=0.0, help="sigma of log-normal latencies (0: constant)")
    add_faults(parser, NAMES)
    add("--retry-after", type=float, help="seconds that a 429 asks for")
    add("--requests-per-s", type=float, help="more is refused with 429")
    add("--seed", type=int, default=0)
    add("--gold", nargs="+", default=[], metavar="TASK", help="know the answers of these tasks")
    add("--wrong", type=float, default=0.0, help="share of wrong answers with --gold")
    add(
        "--judge",
        type=float,
        nargs="?",
        const=0.0,
        metavar="SHARE",
        help="also grade for an LLM judge; of its verdicts, SHARE are wrong",
    )
    add("--journal", type=Path, metavar="FILE", help="write every exchange there at the end")
    return parser


if __name__ == "__main__":
    main()
