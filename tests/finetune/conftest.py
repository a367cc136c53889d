"""A tiny base as transformers and as llama.cpp have it, and adapters that say something."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llm_eval.finetune.export.architectures import tensor_map
from llm_eval.finetune.export.tensors import read_checkpoint
from llm_eval.testing.tiny_model import make_tiny_model

MakeAdapter = Callable[..., Path]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer Llama."""
    return make_tiny_model(tmp_path_factory.mktemp("export") / "tiny")


@pytest.fixture(scope="session")
def base_gguf(base: Path) -> Path:
    """The same model as llama.cpp's converter would write it, in float32."""
    return write_gguf(base, base.parent / "tiny.gguf")


def write_gguf(base: Path, output: Path) -> Path:
    import gguf

    config = json.loads((base / "config.json").read_text())
    tensors = tensor_map(config, "tiny")
    writer = gguf.GGUFWriter(output, tensors.architecture.gguf)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    head_dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    writer.add_rope_dimension_count(head_dim)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_vocab_size(config["vocab_size"])
    add_vocabulary(writer, base)
    for name, values in read_checkpoint(base):
        known = tensors.name(name)
        assert known is not None
        writer.add_tensor(known, tensors.laid_out(name, values).copy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return output


def add_vocabulary(writer: Any, base: Path) -> None:
    import gguf

    stored = json.loads((base / "tokenizer.json").read_text())
    special = {token["content"] for token in stored["added_tokens"]}
    ids = {**stored["model"]["vocab"], **{t["content"]: t["id"] for t in stored["added_tokens"]}}
    tokens = sorted(ids, key=ids.__getitem__)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    kinds = gguf.TokenType
    writer.add_token_types([kinds.CONTROL if t in special else kinds.NORMAL for t in tokens])
    pairs = stored["model"]["merges"]
    writer.add_token_merges([" ".join(pair) if isinstance(pair, list) else pair for pair in pairs])
    writer.add_eos_token_id(ids["<|im_end|>"])
    writer.add_add_bos_token(False)
    writer.add_chat_template((base / "chat_template.jinja").read_text())


@pytest.fixture
def make_adapter(base: Path, tmp_path: Path) -> MakeAdapter:
    """Adapters on `base` with these options of PEFT."""
    return lambda **options: write_adapter(base, tmp_path / "tuned", **options)


@pytest.fixture(scope="session")
def plain_adapter(base: Path) -> Path:
    """LoRA on every linear layer."""
    return write_adapter(base, base.parent / "plain")


def write_adapter(base: Path, directory: Path, *, std: float = 0.5, **options: Any) -> Path:
    """An adapter whose weights are random and not zero, so that it changes replies."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    settings = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"} | options
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = get_peft_model(
            AutoModelForCausalLM.from_pretrained(base),
            LoraConfig(task_type="CAUSAL_LM", **settings),
        )
        for name, weights in model.named_parameters():
            if "lora_B" in name:
                weights.data.normal_(0, std)
    model.save_pretrained(str(directory))
    return directory
