"""Local checkpoints, on a model of two layers: what batching and sharing must not change.

The yardstick is transformers' own `generate`, one prompt at a time.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from llm_eval.models.hf_model import HFModel
from llm_eval.testing import ModelContract
from llm_eval.types import ModelResponse, Sampling
from tests.models.hf.local_models import QUESTIONS, local, reference, replies


class TestHFModelKeepsTheContract(ModelContract):
    @pytest.fixture
    def model(self, tiny: Path) -> HFModel:
        return local(tiny)


async def test_a_batch_of_different_lengths_writes_what_each_prompt_gets_alone(tiny: Path) -> None:
    model = local(tiny)
    found = await replies(model, QUESTIONS, Sampling(max_tokens=12))
    await model.aclose()
    assert found == [reference(tiny, prompt, 12) for prompt in QUESTIONS]


async def test_a_seed_decides_a_drawn_reply_whatever_else_is_in_the_batch(tiny: Path) -> None:
    model = local(tiny)
    drawn = Sampling(temperature=1.0, max_tokens=10, seed=7)
    [alone] = await replies(model, QUESTIONS[:1], drawn)
    together = await replies(model, QUESTIONS, drawn)
    again = await model.generate(QUESTIONS[0], drawn, repeat=1)
    await model.aclose()
    assert together[0] == alone
    assert again.text != alone


async def test_a_stop_string_ends_the_reply_before_it(tiny: Path) -> None:
    model = local(tiny)
    whole = await model.generate(QUESTIONS[0], Sampling(max_tokens=12))
    stop = whole.text[3:5]
    cut = await model.generate(QUESTIONS[0], Sampling(max_tokens=12, stop=(stop,)))
    await model.aclose()
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finish_reason == "stop"


async def test_tokens_are_counted_without_padding(tiny: Path) -> None:
    model = local(tiny)
    answers = await asyncio.gather(*(model.generate(p, Sampling(max_tokens=4)) for p in QUESTIONS))
    await model.aclose()
    counts = [answer.usage.prompt_tokens for answer in answers]
    assert len(set(counts)) == len(QUESTIONS)
    assert all(answer.usage.completion_tokens <= 4 for answer in answers)


async def test_the_event_loop_is_free_while_a_reply_is_written(tiny: Path) -> None:
    model = local(tiny)
    await model.start()
    task = asyncio.create_task(model.generate(QUESTIONS[0], Sampling(max_tokens=100)))
    turns = 0
    while not task.done():
        await asyncio.sleep(0.001)
        turns += 1
    await model.aclose()
    assert turns > 5


async def test_log_probabilities_are_those_of_a_plain_pass(tiny: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = local(tiny)
    reply = await model.generate(QUESTIONS[0], Sampling(max_tokens=5, top_logprobs=3))
    assert model._base is not None
    tokenizer, prompt = model._base.tokenizer, model._tokens(model._base, QUESTIONS[0])
    await model.aclose()
    plain: Any = AutoModelForCausalLM.from_pretrained(str(tiny))
    tokens = list(prompt)
    for given in reply.logprobs:
        with torch.no_grad():
            shares = plain(torch.tensor([tokens])).logits[0, -1].log_softmax(-1)
        best = shares.topk(3)
        assert given.token == tokenizer.decode([int(best.indices[0])])
        assert given.logprob == pytest.approx(float(best.values[0]), abs=1e-3)
        assert [value for _, value in given.top] == pytest.approx(best.values.tolist(), abs=1e-3)
        tokens.append(int(best.indices[0]))
    assert len(reply.logprobs) == reply.usage.completion_tokens


async def test_a_small_top_p_leaves_only_the_likeliest_token(tiny: Path) -> None:
    model = local(tiny)
    greedy = await model.generate(QUESTIONS[0], Sampling(max_tokens=10))
    drawn = await model.generate(
        QUESTIONS[0], Sampling(max_tokens=10, temperature=1.5, top_p=1e-6, seed=1)
    )
    await model.aclose()
    assert drawn.text == greedy.text


async def test_who_stops_waiting_leaves_the_others_their_replies(tiny: Path) -> None:
    model = local(tiny)
    await model.start()
    sampling = Sampling(max_tokens=8)
    tasks = [asyncio.create_task(model.generate(p, sampling)) for p in QUESTIONS]
    await asyncio.sleep(0)
    tasks[1].cancel()
    tasks[3].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    later = await model.generate(QUESTIONS[1], sampling)
    await model.aclose()
    for number, (answer, prompt) in enumerate(zip(found, QUESTIONS, strict=True)):
        if number in (1, 3):
            assert isinstance(answer, asyncio.CancelledError)
        else:
            assert isinstance(answer, ModelResponse)
            assert answer.text == reference(tiny, prompt, 8)
    assert later.text == reference(tiny, QUESTIONS[1], 8)
