"""From messages to tokens, and from tokens to an answer."""

import asyncio
from pathlib import Path

import pytest

from llm_eval.errors import ProviderError
from llm_eval.models.hf.decoding import Row
from llm_eval.types import Message, ModelResponse, Sampling
from tests.models.hf.local_models import QUESTIONS, SYSTEM, ask, local

REFUSES_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
    "[{{ m.content }}]{% endfor %}"
)


@pytest.mark.parametrize(
    "template",
    [REFUSES_SYSTEM, "{% for m in messages if m.role == 'user' %}[{{ m.content }}]{% endfor %}"],
    ids=["refuses it", "drops it"],
)
async def test_a_system_message_moves_where_the_template_takes_none(
    tiny: Path, tmp_path: Path, template: str
) -> None:
    model = local(templated(tiny, tmp_path / "m", template))
    await model.start()
    assert model._base is not None
    tokens = model._tokens(model._base, ask("b"))
    text = model._base.tokenizer.decode(tokens)
    await model.aclose()
    assert text == f"[{SYSTEM.content}\n\nb]"


async def test_a_model_without_a_chat_template_reads_the_text_as_it_is_and_says_so(
    tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = local(templated(tiny, tmp_path / "m", None))
    await model.start()
    assert model._base is not None
    tokens = model._tokens(model._base, ask("b"))
    model._tokens(model._base, ask("c"))
    text = model._base.tokenizer.decode(tokens)
    await model.aclose()
    assert text == f"{SYSTEM.content}\n\nb"
    told = [r.getMessage() for r in caplog.records if "no chat template" in r.getMessage()]
    assert len(told) == 1


@pytest.mark.parametrize(
    ("written", "text", "reasoning"),
    [
        ("<think>\nhm\n</think>\n\n42", "42", "hm"),
        ("hm </think> 42", "42", "hm"),
        ("42", "42", None),
        ("<think>hm, and it never", "", "hm, and it never"),
    ],
)
def test_reasoning_is_no_part_of_the_answer(
    tiny: Path, written: str, text: str, reasoning: str | None
) -> None:
    row = Row([1], Sampling(), 0, 9, tokens=[1, 2], text=written, finish_reason="stop")
    reply = local(tiny)._response(row, 0.1)
    assert (reply.text, reply.reasoning) == (text, reasoning)


def templated(model: Path, target: Path, template: str | None) -> Path:
    """A copy of the model with another chat template."""
    import shutil

    shutil.copytree(model, target)
    (target / "chat_template.jinja").unlink()
    if template is not None:
        (target / "chat_template.jinja").write_text(template)
    return target


async def test_a_prompt_longer_than_the_model_reads_fails_by_itself(tiny: Path) -> None:
    model = local(tiny)
    long = (Message("user", "z" * 9000),)
    found = await asyncio.gather(
        model.generate(long, Sampling(max_tokens=4)),
        model.generate(QUESTIONS[0], Sampling(max_tokens=4)),
        return_exceptions=True,
    )
    await model.aclose()
    assert isinstance(found[0], ProviderError)
    assert "and the model reads 2,048" in str(found[0])
    assert isinstance(found[1], ModelResponse)
