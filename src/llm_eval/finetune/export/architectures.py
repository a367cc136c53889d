"""Which models llama.cpp runs, what it calls their tensors, and how it lays them out.

    model.layers.1.self_attn.q_proj.weight  →  blk.1.attn_q.weight, its rows in another order

Source: llama.cpp's converters (github.com/ggml-org/llama.cpp, conversion/, convert_lora_to_gguf.py)
and the name map of the `gguf` package.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_eval.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Architecture:
    """One family of models."""

    gguf: str
    """Its name in GGUF files."""
    interleaved: bool = False
    """llama.cpp rotates neighbouring rows of q and k, transformers the two halves of a head."""
    norm_offset: float = 0.0
    """What the converter adds to the weights of norms."""


_BY_MODEL_TYPE: Mapping[str, Architecture] = {
    "llama": Architecture("llama", interleaved=True),
    "mistral": Architecture("llama", interleaved=True),
    "qwen2": Architecture("qwen2"),
    "qwen3": Architecture("qwen3"),
    "gemma": Architecture("gemma", norm_offset=1.0),
    "gemma2": Architecture("gemma2", norm_offset=1.0),
    "gemma3_text": Architecture("gemma3", norm_offset=1.0),
}


@dataclass(frozen=True, slots=True)
class TensorMap:
    """Names and layout of one model's tensors."""

    architecture: Architecture
    n_layers: int
    n_heads: int
    n_kv_heads: int

    def name(self, tensor: str) -> str | None:
        """What llama.cpp calls `tensor`, suffix included; None where it knows no such one."""
        import gguf

        (kind,) = (k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == self.architecture.gguf)
        names = gguf.get_tensor_name_map(kind, self.n_layers)
        found: str | None = names.get_name(tensor, try_suffixes=(".weight", ".bias"))
        return found

    def laid_out(self, tensor: str, rows: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """The weights of `tensor` as llama.cpp wants them."""
        module = tensor.removesuffix(".weight").removesuffix(".bias").rpartition(".")[2]
        if self.architecture.interleaved and module in ("q_proj", "k_proj"):
            return interleave(rows, self.n_heads if module == "q_proj" else self.n_kv_heads)
        if self.architecture.norm_offset and tensor.endswith("norm.weight"):
            return rows + self.architecture.norm_offset
        return rows


def tensor_map(config: Mapping[str, Any], what: str) -> TensorMap:
    """From a checkpoint's config.json.

    Args:
        config: its object.
        what: names the model in messages.

    Raises:
        ConfigError: llama.cpp's layout of this family is not known here.
    """
    model_type = str(config.get("model_type"))
    found = _BY_MODEL_TYPE.get(model_type)
    if found is None:
        raise ConfigError(
            f"{what} is of type {model_type!r}; GGUF is written for "
            f"{', '.join(sorted(_BY_MODEL_TYPE))}: export with --format merged instead"
        )
    try:
        heads, layers = int(config["num_attention_heads"]), int(config["num_hidden_layers"])
        kv_heads = int(config.get("num_key_value_heads") or heads)
    except (KeyError, TypeError, ValueError) as exc:
        raise ConfigError(f"{what}: its config.json does not tell its shape: {exc!r}") from exc
    return TensorMap(found, layers, heads, kv_heads)


def interleave(rows: "NDArray[np.float32]", n_heads: int) -> "NDArray[np.float32]":
    """Rows of each head from (first half, second half) to pairs: 0 2 4 1 3 5 → 0 1 2 3 4 5.

    Args:
        rows: (n_heads × head_dim, …).
        n_heads: into how many heads the rows fall.
    """
    half = rows.shape[0] // n_heads // 2
    return rows.reshape(n_heads, 2, half, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)
