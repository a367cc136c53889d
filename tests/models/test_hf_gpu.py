"""Local models on a real GPU: 4 bits, bfloat16 by itself, equal batches, memory that runs out.

Skipped where there is none; nothing else in the tests needs one.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llm_eval.errors import ProviderError
from llm_eval.models.hf import base as hf_base
from llm_eval.models.hf_model import HFModel
from llm_eval.testing.tiny_model import make_tiny_model
from llm_eval.types import Message, Prompt, Sampling


def has_gpu() -> bool:
    try:
        import torch
    except ModuleNotFoundError:
        return False
    return bool(torch.cuda.is_available())


pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif("not has_gpu()", reason="there is no GPU that torch can use"),
]
PROMPTS: list[Prompt] = [(Message("user", "x" * n + " what?"),) for n in (1, 60, 7, 200, 3, 33)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny", layers=3)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    hf_base.forget_unused()


async def texts(model: HFModel, n: int = 8) -> list[str]:
    answers = await asyncio.gather(*(model.generate(p, Sampling(max_tokens=n)) for p in PROMPTS))
    return [answer.text for answer in answers]


def model_of(tiny: Path, **args: Any) -> HFModel:
    return HFModel("hf/tiny", tiny, args=args)


async def test_a_gpu_is_used_in_bfloat16_without_being_asked(tiny: Path) -> None:
    model = model_of(tiny)
    assert model.identity["device"] == "cuda"
    assert model.identity["dtype"] == "bfloat16"
    assert all(text is not None for text in await texts(model))
    assert model._base is not None
    assert str(model._base.model.dtype) == "torch.bfloat16"
    await model.aclose()


async def test_a_batch_in_float32_writes_what_each_prompt_gets_alone(tiny: Path) -> None:
    model = model_of(tiny, dtype="float32")
    together = await texts(model)
    alone = [(await model.generate(p, Sampling(max_tokens=8))).text for p in PROMPTS]
    await model.aclose()
    assert together == alone


async def test_gpu_and_cpu_write_the_same_in_float32(tiny: Path) -> None:
    found = []
    for device in ("cuda", "cpu"):
        model = model_of(tiny, dtype="float32", device=device)
        found.append(await texts(model))
        await model.aclose()
    assert found[0] == found[1]


@pytest.mark.parametrize("quantization", ["4bit", "8bit"])
async def test_weights_in_few_bits_are_loaded_and_write(tiny: Path, quantization: str) -> None:
    pytest.importorskip("bitsandbytes")
    model = model_of(tiny, quantization=quantization)
    assert model.identity["quantization"] == quantization
    assert len(await texts(model)) == len(PROMPTS)
    assert model._base is not None
    kinds = {type(m).__name__ for m in model._base.model.modules()}
    assert "Linear4bit" in kinds if quantization == "4bit" else "Linear8bitLt" in kinds
    await model.aclose()


async def test_a_batch_that_runs_out_of_memory_is_halved_until_it_fits(tiny: Path) -> None:
    import torch

    model = model_of(tiny, dtype="float32")
    expected = await texts(model)
    queue = model._queue
    assert queue is not None
    forward, sizes = queue.decoder._forward, []

    def hungry(ids: Any, *rest: Any) -> Any:
        sizes.append(len(ids))
        if len(ids) > 2:
            total = torch.cuda.mem_get_info()[1]
            torch.empty(2 * total, dtype=torch.uint8, device="cuda")  # what runs out is real
        return forward(ids, *rest)

    queue.decoder._forward = hungry  # type: ignore[method-assign,assignment]
    assert await texts(model) == expected
    assert queue.max_rows <= 2
    await model.aclose()
    assert max(sizes) > 2


async def test_a_prompt_that_does_not_fit_even_alone_fails_by_itself(tiny: Path) -> None:
    import torch

    model = model_of(tiny, dtype="float32")
    await model.start()
    queue = model._queue
    assert queue is not None

    def hungry(*_: Any) -> Any:
        total = torch.cuda.mem_get_info()[1]
        torch.empty(2 * total, dtype=torch.uint8, device="cuda")

    queue.decoder._forward = hungry  # type: ignore[method-assign,assignment]
    with pytest.raises(ProviderError, match="do not fit the device's memory, even alone"):
        await model.generate(PROMPTS[0], Sampling(max_tokens=4))
    await model.aclose()


async def test_likelihoods_are_those_of_the_cpu(tiny: Path) -> None:
    found = []
    for device in ("cuda", "cpu"):
        model = model_of(tiny, dtype="float32", device=device)
        pair = await model.loglikelihood("Question: a? Answer:", [" one", " two and more"])
        found.append([one.logprob for one in pair])
        await model.aclose()
    assert found[0] == pytest.approx(found[1], abs=1e-3)
