"""Adapters of other families than Llama say the same in llama.cpp as in transformers.

Two random layers each, with the tokenizer of the tiny Llama.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from llm_eval.finetune.export.adapter_export import export_adapter
from llm_eval.testing.tiny_model import make_tiny_model
from tests.finetune.conftest import write_adapter, write_gguf
from tests.finetune.test_export import agree, by_llama_cpp, by_transformers

pytestmark = [
    pytest.mark.soak,
    pytest.mark.filterwarnings("ignore"),  # of torch and peft, about their own insides
]

SIZES = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
)
FAMILIES: dict[str, dict[str, Any]] = {
    "mistral": {"sliding_window": None},
    "qwen2": {},
    "qwen3": {"head_dim": 16},
    "gemma": {"head_dim": 16},
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("families") / "tiny")


def make_family(model_type: str, tiny: Path, directory: Path) -> Path:
    """A random model of this family, of the tiny Llama's size and vocabulary."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = json.loads((tiny / "config.json").read_text())
    sizes = {name: config[name] for name in SIZES}
    made = AutoConfig.for_model(
        model_type,
        **sizes,
        **FAMILIES[model_type],
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=config["eos_token_id"],
        pad_token_id=config["pad_token_id"],
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(made).to(torch.float32)
    for name, weights in model.named_parameters():
        if name.endswith("norm.weight"):
            weights.data += 0.2 * torch.randn_like(weights)  # norms of a trained model differ
    model.save_pretrained(str(directory))
    for file in tiny.iterdir():
        if not (directory / file.name).exists() and file.name != "model.safetensors":
            shutil.copy(file, directory)
    return directory


@pytest.mark.parametrize("model_type", FAMILIES)
async def test_adapter_and_whole_model_agree(model_type: str, tiny: Path, tmp_path: Path) -> None:
    own = make_family(model_type, tiny, tmp_path / "base")
    own_gguf = write_gguf(own, tmp_path / "base.gguf")
    agree(await by_llama_cpp(own_gguf), by_transformers(own, None))
    adapter = write_adapter(own, tmp_path / "tuned", std=0.2)
    tuned = by_transformers(own, adapter)
    export_adapter(adapter, "gguf-adapter", tmp_path / "a.gguf", base=own)
    agree(await by_llama_cpp(own_gguf, tmp_path / "a.gguf"), tuned)
    export_adapter(
        adapter, "gguf", tmp_path / "m.gguf", base=own, like=own_gguf, quantization="f32"
    )
    agree(await by_llama_cpp(tmp_path / "m.gguf"), tuned)
