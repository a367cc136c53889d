"""How batches are made, and what happens when one does not fit the memory."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from llm_eval.errors import ProviderError
from llm_eval.models.hf.decoding import Row, by_length, common_prefix
from llm_eval.types import ModelResponse, Sampling
from tests.models.hf.local_models import QUESTIONS, ask, local, reference, replies


async def test_a_batch_that_does_not_fit_the_memory_is_halved_and_loses_nothing(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    model = local(tiny)
    await model.start()
    queue = model._queue
    assert queue is not None
    real, sizes = queue.decoder.write, []

    def write(rows: Any, adapter: Any) -> None:
        sizes.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError("injected")
        real(rows, adapter)

    monkeypatch.setattr(queue.decoder, "write", write)
    found = await replies(model, QUESTIONS, Sampling(max_tokens=6))
    assert found == [reference(tiny, prompt, 6) for prompt in QUESTIONS]
    assert queue.max_rows <= 2
    sizes.clear()
    await replies(model, QUESTIONS, Sampling(max_tokens=2))
    assert max(sizes) <= 2
    await model.aclose()


async def test_what_did_not_fit_is_freed_before_its_halves_are_tried(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a device that is full, a traceback that holds the batch's tensors fails the halves too."""
    import weakref

    import torch

    model = local(tiny)
    await model.start()
    queue = model._queue
    assert queue is not None
    real = queue.decoder.write
    held: list[weakref.ref[Any]] = []
    alive: list[int] = []

    def write(rows: Any, adapter: Any) -> None:
        alive.append(sum(one() is not None for one in held))
        big = torch.zeros(8)
        held.append(weakref.ref(big))
        if len(rows) > 1:
            raise torch.OutOfMemoryError("injected")
        real(rows, adapter)

    monkeypatch.setattr(queue.decoder, "write", write)
    await replies(model, QUESTIONS[:4], Sampling(max_tokens=2))
    await model.aclose()
    assert len(alive) > 4
    assert not any(alive)


async def test_memory_that_runs_out_on_the_cpu_is_known_by_its_words(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For real: more bytes than any machine has."""
    import torch

    model = local(tiny)
    await model.start()
    queue = model._queue
    assert queue is not None
    real = queue.decoder.write

    def write(rows: Any, adapter: Any) -> None:
        if len(rows) > 2 or len(rows[0].prompt) > 200:
            torch.empty(1 << 55, dtype=torch.uint8)
        real(rows, adapter)

    monkeypatch.setattr(queue.decoder, "write", write)
    found = await asyncio.gather(
        *(model.generate(p, Sampling(max_tokens=3)) for p in [*QUESTIONS, ask("é" * 300)]),
        return_exceptions=True,
    )
    await model.aclose()
    assert [type(one) for one in found] == [ModelResponse] * len(QUESTIONS) + [ProviderError]
    assert "do not fit the device's memory, even alone" in str(found[-1])


@pytest.mark.parametrize(
    ("prompts", "shared"),
    [
        ([[1, 2, 3], [1, 2, 4]], (1, 2)),
        ([[1, 2], [1, 2]], (1,)),
        ([[1], [2, 3]], ()),
    ],
)
def test_a_shared_prefix_leaves_every_prompt_a_token_of_its_own(
    prompts: list[list[int]], shared: tuple[int, ...]
) -> None:
    assert common_prefix(prompts) == shared


@pytest.mark.parametrize("lengths", [[5], [100, 99, 98], [400, 12, 11, 390, 60, 1]])
def test_prompts_are_read_in_groups_with_little_padding(lengths: list[int]) -> None:
    rows = [Row([0] * (7 + n), Sampling(), 0, 1) for n in lengths]
    groups = by_length(rows, 7)
    assert sorted(id(row) for group in groups for row in group) == sorted(map(id, rows))
    for group in groups:
        own = [len(row.prompt) - 7 for row in group]
        assert sum(own) >= 0.9 * max(own) * len(own)


async def test_padding_is_less_than_a_tenth_of_what_is_computed(tiny: Path) -> None:
    model = local(tiny)
    await replies(model, [ask("x" * n) for n in range(0, 300, 9)], Sampling(max_tokens=4))
    done = model.throughput
    await model.aclose()
    assert done is not None
    assert 0 < done.padding_share <= 0.1
    assert 0 < done.written_tokens <= 4 * 34
    assert done.tokens_per_s > 0
