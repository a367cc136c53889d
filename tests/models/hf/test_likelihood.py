"""Likelihoods of local models against the plain definition: one full forward pass in float64."""

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_eval.errors import ConfigError
from llm_eval.models.hf import base as hf_base
from llm_eval.models.hf.choices import encode_choices, windows
from llm_eval.models.hf.scoring import LikelihoodScorer
from llm_eval.models.hf_model import HFModel
from llm_eval.models.likelihood import Likelihood
from llm_eval.testing.tiny_model import make_tiny_model

Question = tuple[str, list[str]]

SHOTS = "Question: Which country has the ISO code MD? Answer: Moldova\n\n" * 3
QUESTIONS: list[Question] = [
    (SHOTS + "Question: a? Answer:", [" one", " two and more", " x"]),
    (SHOTS + "Question: what is longer than the other one? Answer: ", ["one", "twenty-two"]),
    (SHOTS + "Question: b?\nAnswer:", [" yes"]),
    ("", ["Moldova", " Dublin is in Ireland"]),
    ("Short", ["er", " and", "ly said", "\n"]),
]


class Naive:
    """The definition: log-softmax of the whole sequence's logits, in float64."""

    def __init__(self, path: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.torch = torch
        self.tokenizer: Any = AutoTokenizer.from_pretrained(str(path))
        self.model = AutoModelForCausalLM.from_pretrained(str(path)).to(torch.float64).eval()

    def tokens(self, given: list[int], scored: list[int]) -> Likelihood:
        torch = self.torch
        with torch.no_grad():
            logits = self.model(torch.tensor([given + scored])).logits[0, len(given) - 1 : -1]
        shares = logits.log_softmax(-1)
        total = sum(float(shares[n, token]) for n, token in enumerate(scored))
        greedy = logits.argmax(-1).tolist() == scored
        return Likelihood(total, len(scored), greedy)

    def text(self, context: str, continuation: str) -> Likelihood:
        """As lm-eval cuts it: what follows the tokens of the context alone, without its spaces."""
        body = context.rstrip()
        spaces = context[len(body) :]
        if not body:
            start = self.tokenizer.eos_token_id
            return self.tokens([start], self.tokenizer(spaces + continuation)["input_ids"])
        whole = self.tokenizer(body + spaces + continuation)["input_ids"]
        cut = len(self.tokenizer(body)["input_ids"])
        return self.tokens(whole[:cut], whole[cut:])


def local(path: Path, **args: Any) -> HFModel:
    return HFModel("hf/tiny", path, args={"dtype": "float32", **args})


async def ask(model: HFModel, questions: list[Question]) -> list[tuple[Likelihood, ...]]:
    try:
        return await asyncio.gather(*(model.loglikelihood(c, list(t)) for c, t in questions))
    finally:
        await model.aclose()


def same(found: Likelihood, expected: Likelihood) -> bool:
    return (
        math.isclose(found.logprob, expected.logprob, abs_tol=1e-3)
        and found.n_tokens == expected.n_tokens
        and found.greedy == expected.greedy
    )


def all_same(found: list[tuple[Likelihood, ...]], expected: list[tuple[Likelihood, ...]]) -> bool:
    return all(
        same(one, other)
        for ones, others in zip(found, expected, strict=True)
        for one, other in zip(ones, others, strict=True)
    )


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
async def test_every_choice_has_the_likelihood_that_a_pass_of_its_own_would_give(
    tiny: Path, attention: str
) -> None:
    naive = Naive(tiny)
    found = await ask(local(tiny, attention=attention), QUESTIONS)
    for (context, choices), likelihoods in zip(QUESTIONS, found, strict=True):
        for choice, likelihood in zip(choices, likelihoods, strict=True):
            assert same(likelihood, naive.text(context, choice)), (context, choice)


async def test_a_model_that_takes_no_mask_of_ours_gives_the_same(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = await ask(local(tiny), QUESTIONS)
    monkeypatch.setattr(LikelihoodScorer, "_takes_any_mask", False)
    apart = await ask(local(tiny), QUESTIONS)
    assert all_same(together, apart)


async def test_a_model_with_sliding_windows_is_scored_as_it_reads(tmp_path: Path) -> None:
    """Its mask is its own: every choice is read with its context."""
    import json

    path = make_tiny_model(tmp_path / "sliding")
    config = json.loads((path / "config.json").read_text())
    config |= {"model_type": "mistral", "architectures": ["MistralForCausalLM"]}
    (path / "config.json").write_text(json.dumps(config | {"sliding_window": 8}))
    naive = Naive(path)
    found = await ask(local(path), QUESTIONS)
    wide = await ask(local(make_tiny_model(tmp_path / "wide")), QUESTIONS)
    for (context, choices), likelihoods in zip(QUESTIONS, found, strict=True):
        for choice, likelihood in zip(choices, likelihoods, strict=True):
            assert same(likelihood, naive.text(context, choice)), (context, choice)
    assert not all_same(found, wide)


async def test_logits_that_do_not_fit_at_once_are_read_in_parts(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await ask(local(tiny), QUESTIONS)
    monkeypatch.setattr("llm_eval.models.hf.scoring._MOST_LOGITS", 384 * 5 * 2)
    assert all_same(whole, await ask(local(tiny), QUESTIONS))
    monkeypatch.setattr(LikelihoodScorer, "_takes_any_mask", False)
    assert all_same(whole, await ask(local(tiny), QUESTIONS))


async def test_a_question_takes_one_forward_pass_however_many_choices_it_has(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = local(tiny)
    await model.start()
    assert model._base is not None
    passes: list[int] = []
    inner = model._base.model
    hook = inner.register_forward_pre_hook(lambda *_: passes.append(1))
    await model.loglikelihood("Question: a? Answer:", [f" choice {n} of many" for n in range(20)])
    hook.remove()
    await model.aclose()
    assert len(passes) == 1


async def test_a_batch_with_one_memory_failure_is_halved_and_loses_nothing(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    expected = await ask(local(tiny), QUESTIONS)
    real = LikelihoodScorer.score

    def score(self: LikelihoodScorer, batch: Any, adapter: str | None) -> None:
        real(self, batch, adapter)
        if len(batch) > 1:
            raise torch.OutOfMemoryError("injected, when all is found")

    monkeypatch.setattr(LikelihoodScorer, "score", score)
    found = await ask(local(tiny), QUESTIONS)
    assert all_same(expected, found)


async def test_a_long_text_is_scored_once_in_windows_of_the_context(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hf_base.Base, "context", 16)
    naive = Naive(tiny)
    text = "Document: invoice of 3 May 2024, total 40.50 EUR, paid by Daniel Brouwer in Dublin." * 2
    ids = naive.tokenizer(text)["input_ids"]
    model = local(tiny)
    found = await model.rolling_loglikelihood(text)
    await model.aclose()
    whole = [naive.tokenizer.eos_token_id, *ids]
    total, done = 0.0, 1
    while done < len(whole):
        end = min(done + 16, len(whole))
        total += naive.tokens(whole[max(0, end - 17) : done], whole[done:end]).logprob
        done = end
    assert found.n_tokens == len(ids)
    assert found.logprob == pytest.approx(total, abs=1e-3)
    assert found.perplexity == pytest.approx(math.exp(-total / len(ids)), rel=1e-4)


async def test_the_token_that_begins_a_text_stands_before_it_once(
    tiny: Path, tmp_path: Path
) -> None:
    import json
    import shutil

    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing

    begins = "<|im_start|>"
    path = shutil.copytree(tiny, tmp_path / "beginning")
    tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
    number = tokenizer.token_to_id(begins)
    tokenizer.post_processor = TemplateProcessing(
        single=f"{begins} $A", special_tokens=[(begins, number)]
    )
    tokenizer.save(str(path / "tokenizer.json"))
    config = json.loads((path / "tokenizer_config.json").read_text())
    (path / "tokenizer_config.json").write_text(json.dumps(config | {"bos_token": begins}))
    model = local(path)
    bare, begun, empty = [
        await model.loglikelihood(context, ["Moldova"]) for context in ("A", f"{begins}A", "")
    ]
    whole = await model.rolling_loglikelihood("Moldova")
    assert model._base is not None
    assert model._base.encode("A")[0] == model._base.start_token == number
    await model.aclose()
    assert all_same([bare], [begun])
    assert same(empty[0], whole)
    naive = Naive(path)
    ids = naive.tokenizer("Moldova")["input_ids"]
    assert same(whole, naive.tokens(ids[:1], ids[1:]))


async def test_nothing_to_score_is_refused(tiny: Path) -> None:
    model = local(tiny)
    with pytest.raises(ConfigError, match="empty continuation has no likelihood"):
        await model.loglikelihood("a", ["b", ""])
    with pytest.raises(ConfigError, match="empty text"):
        await model.rolling_loglikelihood("")


@given(length=st.integers(1, 60), most=st.integers(1, 20))
def test_windows_score_every_token_once_and_read_no_more_than_the_context(
    length: int, most: int
) -> None:
    tokens = list(range(1, length + 1))
    parts = list(windows(tokens, 0, most))
    assert [t for part in parts for t in part.continuations[0]] == tokens
    assert all(len(p.prompt) + p.limit <= most and p.prompt for p in parts)


@given(context=st.text("ab ", max_size=12), choice=st.text("ab ", min_size=1, max_size=5))
@settings(max_examples=60)
def test_the_end_of_a_long_question_is_kept(context: str, choice: str) -> None:
    """With a token a character: what is scored is the choice, and the context loses its start."""
    [(_, choices)] = encode_choices(
        lambda text: [ord(c) for c in text], context, [choice], start=0, most=8
    )
    [scored] = choices.continuations
    assert len(choices.prompt) + choices.limit <= 8 or len(choices.prompt) == 1
    assert "".join(map(chr, scored)).endswith(choice[-1])
    assert scored
