"""The expected memory of a training: by the model's shape, and refused where it cannot fit."""

from dataclasses import replace
from pathlib import Path

import pytest

from llm_eval.errors import ConfigError
from llm_eval.finetune.config import Recipe, load_recipe
from llm_eval.finetune.memory import Shape, check_memory, expected_memory, shape_of
from llm_eval.finetune.setup import Setup
from llm_eval.testing.tiny_model import make_tiny_model

LLAMA_3B = Shape(
    n_linear=2_818_572_288,
    n_other=394_177_536,
    n_lora=24_313_856,
    layers=28,
    hidden=3072,
    inner=8192,
    kv=1024,
    vocabulary=128_256,
)
"""Llama-3.2-3B, from its config.json: 24 heads of 128, 8 of them for keys and values."""
GPU = Setup("cuda:0", True, True, "paged_adamw_8bit", True, ())
DEFAULT = Path(__file__).parents[2] / "configs/train/llama32_3b_json.yaml"


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe(DEFAULT)


def test_the_default_recipe_fits_a_card_of_24_gb(recipe: Recipe) -> None:
    expected = expected_memory(LLAMA_3B, recipe, GPU, recipe.data.max_tokens)
    assert 3e9 < expected.n_bytes < 20e9
    check_memory(expected, 24e9, recipe, GPU)


def test_each_choice_that_saves_memory_is_counted(recipe: Recipe) -> None:
    base = expected_memory(LLAMA_3B, recipe, GPU, 1024).n_bytes
    for larger in (replace(GPU, four_bit=False), replace(GPU, gradient_checkpointing=False)):
        assert expected_memory(LLAMA_3B, recipe, larger, 1024).n_bytes > base
    assert expected_memory(LLAMA_3B, recipe, GPU, 2048).n_bytes > base


def test_a_card_that_is_too_small_is_refused_with_what_to_change(recipe: Recipe) -> None:
    setup = replace(GPU, gradient_checkpointing=False)
    expected = expected_memory(LLAMA_3B, recipe, setup, 1024)
    with pytest.raises(ConfigError, match=r"GB and cuda:0 has 6\.0 GB free") as raised:
        check_memory(expected, 6e9, recipe, setup)
    assert "train.batch 4 → 1" in str(raised.value)
    assert "train.gradient_checkpointing: true" in str(raised.value)


def test_a_models_parameters_are_counted_without_loading_it(recipe: Recipe, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    path = make_tiny_model(tmp_path / "tiny")
    shape = shape_of(path, recipe)
    model = AutoModelForCausalLM.from_pretrained(str(path))
    assert shape.n_linear + shape.n_other == sum(p.numel() for p in model.parameters())
    linear = [
        m for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and "lm_head" not in n
    ]
    assert shape.n_lora == sum(16 * (m.in_features + m.out_features) for m in linear)
    assert (shape.layers, shape.hidden, shape.inner, shape.kv) == (2, 64, 128, 32)
