"""Local checkpoints in float32 on the CPU, against lm-eval's `hf` and a bare transformers loop.

Needs lm-eval in a Python of its own: `LM_EVAL_PYTHON=/path/to/python python -m benchmarks
local_models`. Without it, only the bare loop is compared. Loading is never timed.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from benchmarks.table import show
from llm_eval.models.hf.checkpoint import checkpoint
from llm_eval.models.hf.throughput import Throughput
from llm_eval.models.hf_model import HFModel
from llm_eval.models.likelihood import Likelihood
from llm_eval.tasks.build import build_task
from llm_eval.types import Message, Sampling

N_QUESTIONS = int(os.environ.get("QUESTIONS", "100"))
N_PROMPTS = int(os.environ.get("PROMPTS", "100"))
SHOTS, CHOICES = 5, 4
MAX_TOKENS, BATCH = 40, 32
MODEL = "smollm2-135m"


def main() -> None:
    """Measure, and print two tables."""
    path = checkpoint(MODEL)
    model = HFModel(f"hf/{MODEL}", path, args={"dtype": "float32"})
    asyncio.run(_measure(model, path))


async def _measure(model: HFModel, path: Path) -> None:
    kinds = {"the same shots": _questions(), "other shots": _questions(own_shots=True)}
    prompts = _prompts()
    await model.start()
    try:
        scored = {kind: await _timed(_score(model, rows)) for kind, rows in kinds.items()}
        scored_padding, before = _padding(model), model.throughput
        written_s, n_tokens = await _timed(_write(model, prompts))
        written_padding = _padding(model, before)
        texts = [_text(model, prompt) for prompt in prompts]
        bare_s, bare_tokens = _bare(model, texts)
    finally:
        await model.aclose()
    for kind, rows in kinds.items():
        theirs = _lm_eval(path, rows, texts if kind == list(kinds)[-1] else [])
        seconds, found = scored[kind]
        _show_choices(kind, rows, found, seconds, theirs)
    print(f"padding while scoring: {scored_padding}\n")
    _show_writing(written_s, n_tokens, bare_s, bare_tokens, written_padding, theirs)


def _questions(*, own_shots: bool = False) -> list[dict[str, Any]]:
    """The qa task's own rows; the wrong choices are the answers of the rows that follow.

    Args:
        own_shots: every question has other examples, so that no two contexts begin alike.
    """
    task = build_task("qa")
    rows = [(s.inputs["question"], task.completion(s) or "") for s in task.samples("train")]
    shots = [f"Question: {q}\nAnswer: {a}" for q, a in reversed(rows)]
    rest = rows[: N_QUESTIONS + CHOICES]
    return [
        {
            "context": "\n\n".join(
                [*shots[n * own_shots :][:SHOTS], f"Question: {question}\nAnswer:"]
            ),
            "choices": [f" {answer}" for _, answer in rest[n : n + CHOICES]],
        }
        for n, (question, _) in enumerate(rest[:N_QUESTIONS])
    ]


def _prompts() -> list[tuple[Message, ...]]:
    task = build_task("qa")
    samples = [sample for split in ("test", "val") for sample in task.samples(split)]
    return [task.prompt(sample) for sample in samples[:N_PROMPTS]]


async def _timed(work: Awaitable[Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = await work
    return time.perf_counter() - started, result


async def _score(model: HFModel, rows: list[dict[str, Any]]) -> list[tuple[Likelihood, ...]]:
    return await asyncio.gather(
        *(model.loglikelihood(row["context"], row["choices"]) for row in rows)
    )


async def _write(model: HFModel, prompts: list[tuple[Message, ...]]) -> int:
    sampling = Sampling(max_tokens=MAX_TOKENS)
    replies = await asyncio.gather(*(model.generate(prompt, sampling) for prompt in prompts))
    return sum(reply.usage.completion_tokens for reply in replies)


def _padding(model: HFModel, before: Throughput | None = None) -> str:
    """Percent of the tokens computed since `before`."""
    now = model.throughput
    assert now is not None
    padding, computed = now.padding_tokens, now.computed_tokens
    if before is not None:
        padding, computed = padding - before.padding_tokens, computed - before.computed_tokens
    return f"{100 * padding / computed:.1f} %"


def _text(model: HFModel, prompt: tuple[Message, ...]) -> str:
    turns = [{"role": m.role, "content": m.content} for m in prompt]
    tokenizer = model._base.tokenizer  # type: ignore[union-attr] # noqa: SLF001
    text: str = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    return text


def _bare(model: HFModel, texts: list[str]) -> tuple[float, int]:
    """The loop that anyone would write: sorted by length, batches of 32, `generate`."""
    import torch

    base = model._base  # noqa: SLF001
    assert base is not None
    ordered = sorted(texts, key=lambda text: -len(base.tokenizer(text)["input_ids"]))
    started, n_tokens = time.perf_counter(), 0
    for first in range(0, len(ordered), BATCH):
        batch = base.tokenizer(ordered[first : first + BATCH], return_tensors="pt", padding=True)
        with torch.inference_mode():
            out = base.model.generate(**batch, max_new_tokens=MAX_TOKENS, do_sample=False)
        written = out[:, batch["input_ids"].shape[1] :]
        n_tokens += int((written != base.tokenizer.pad_token_id).sum())
    return time.perf_counter() - started, n_tokens


def _lm_eval(path: Path, rows: list[dict[str, Any]], texts: list[str]) -> dict[str, Any] | None:
    python = os.environ.get("LM_EVAL_PYTHON")
    if python is None:
        print("LM_EVAL_PYTHON is not set: lm-eval is left out", file=sys.stderr)
        return None
    asked = {"choices": rows, "prompts": texts, "max_tokens": MAX_TOKENS}
    script = Path(__file__).with_name("lm_eval_process.py")
    done = subprocess.run(
        [python, str(script), str(path), str(BATCH)],
        input=json.dumps(asked),
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _show_choices(
    kind: str,
    rows: list[dict[str, Any]],
    found: list[tuple[Likelihood, ...]],
    seconds: float,
    theirs: dict[str, Any] | None,
) -> None:
    table = [["llm-eval", f"{seconds:.1f}", f"{len(rows) / seconds:.1f}", ""]]
    if theirs is not None:
        flat = [value for value, _ in theirs["found"]]
        others = [flat[n : n + CHOICES] for n in range(0, len(flat), CHOICES)]
        ours = [[one.logprob for one in row] for row in found]
        same = sum(_best(a) == _best(b) for a, b in zip(ours, others, strict=True))
        apart = max(
            abs(a - b) for x, y in zip(ours, others, strict=True) for a, b in zip(x, y, strict=True)
        )
        took = theirs["scored_s"]
        table[0][3] = f"{took / seconds:.1f} × faster"
        table.append(["lm-eval `hf`", f"{took:.1f}", f"{len(rows) / took:.1f}", ""])
        note = f"Same choice for {same} of {len(rows)}; likelihoods within {apart:.1e} nat."
    print(f"{len(rows)} questions × {CHOICES} choices, {kind} for every question ({SHOTS})\n")
    show(("", "s", "questions/s", "goal ≥ 2.5 × faster"), table)
    print(f"\n{note}\n" if theirs is not None else "")


def _best(values: list[float]) -> int:
    return values.index(max(values))


def _show_writing(
    seconds: float,
    n_tokens: int,
    bare_s: float,
    bare_tokens: int,
    padding: str,
    theirs: dict[str, Any] | None,
) -> None:
    table = [
        ["llm-eval", f"{seconds:.1f}", f"{N_PROMPTS / seconds:.1f}", n_tokens, padding],
        ["bare loop", f"{bare_s:.1f}", f"{N_PROMPTS / bare_s:.1f}", bare_tokens, ""],
    ]
    if theirs is not None:
        took = theirs["written_s"]
        table.append(["lm-eval `hf`", f"{took:.1f}", f"{N_PROMPTS / took:.1f}", "", ""])
    print(f"{N_PROMPTS} prompts, replies of at most {MAX_TOKENS} tokens\n")
    show(("", "s", "samples/s", "tokens", "padding"), table)


if __name__ == "__main__":
    main()
