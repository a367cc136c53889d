"""A LoRA adapter as a GGUF file, which llama.cpp adds to its base while it runs.

Layout: llama.cpp's convert_lora_to_gguf.py. Type `adapter`, `adapter.lora.alpha`, and for each
module `NAME.lora_a` (rank × in) and `NAME.lora_b` (out × rank); the engine scales by alpha / rank.
"""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_eval.errors import ConfigError
from llm_eval.finetune.export.architectures import TensorMap, tensor_map
from llm_eval.finetune.export.tensors import read_tensors
from llm_eval.finetune.export.whole import whole_file
from llm_eval.models.adapter_files import WEIGHTS, AdapterFiles
from llm_eval.models.hf.checkpoint import read_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PREFIX = "base_model.model."
_FACTOR = re.compile(r"(?P<module>.+)\.lora_(?P<which>[AB])\.weight")


def export_gguf_adapter(adapter: AdapterFiles, base: Path, output: Path) -> int:
    """Write `adapter` for the base in `base`; the number of modules.

    Raises:
        ConfigError: the adapter is of a kind that llama.cpp does not run, the base's family is not
            known, or the file cannot be written.
    """
    what = f"adapter {adapter.path}"
    refuse_unsupported(adapter.config, what)
    tensors = tensor_map(read_json(base / "config.json"), str(base))
    modules = dict(_modules(adapter, tensors))
    import gguf

    with whole_file(output) as path:
        writer = gguf.GGUFWriter(path, tensors.architecture.gguf)
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(adapter.config["lora_alpha"]))
        writer.add_string("general.name", adapter.path.name)
        writer.add_string("llm_eval.adapter.sha256", adapter.digest)
        for name, (down, up) in sorted(modules.items()):
            writer.add_tensor(f"{name}.lora_a", down)
            writer.add_tensor(f"{name}.lora_b", up)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return len(modules)


def refuse_unsupported(config: Mapping[str, Any], what: str) -> None:
    """Refuse what is more than plain LoRA on linear layers.

    Raises:
        ConfigError: names the feature; merged, the adapter runs everywhere.
    """
    used = {
        "DoRA": config.get("use_dora"),
        "trained modules (modules_to_save)": config.get("modules_to_save"),
        "trained tokens": config.get("trainable_token_indices"),
        "trained biases": config.get("bias", "none") != "none" or config.get("lora_bias"),
        "fan_in_fan_out": config.get("fan_in_fan_out"),
        f"PEFT type {config.get('peft_type')!r}": config.get("peft_type", "LORA") != "LORA",
    }
    for feature, there in used.items():
        if there:
            raise ConfigError(
                f"{what} has {feature}, which a GGUF adapter cannot hold: export with "
                "--format merged or gguf"
            )


def _modules(
    adapter: AdapterFiles, tensors: TensorMap
) -> "Iterator[tuple[str, tuple[NDArray[np.float32], NDArray[np.float32]]]]":
    """Each module under llama.cpp's name: (lora_a, lora_b)."""
    factors: dict[str, dict[str, NDArray[np.float32]]] = {}
    for name, values in read_tensors(adapter.path / WEIGHTS):
        match = _FACTOR.fullmatch(name.removeprefix(_PREFIX))
        if match is None:
            raise ConfigError(
                f"adapter {adapter.path}: {name} is no LoRA factor of a linear layer; export with "
                "--format merged"
            )
        factors.setdefault(match["module"], {})[match["which"]] = values
    for module, pair in factors.items():
        weight = f"{module}.weight"
        if (known := tensors.name(weight)) is None or pair.keys() != {"A", "B"}:
            raise ConfigError(f"adapter {adapter.path}: llama.cpp knows no tensor {weight}")
        up = tensors.laid_out(weight, pair["B"]) * _correction(adapter.config, module)
        yield known, (pair["A"], up.astype("float32"))


def _correction(config: Mapping[str, Any], module: str) -> float:
    """PEFT's scale of this module by the engine's: 1, but for rsLoRA and alphas of their own."""
    rank = _of_module(config.get("rank_pattern"), module, config["r"])
    alpha = _of_module(config.get("alpha_pattern"), module, config["lora_alpha"])
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    return scale / (float(config["lora_alpha"]) / rank)


def _of_module(pattern: Mapping[str, Any] | None, module: str, default: float) -> float:
    """As PEFT reads its patterns: a regular expression for the end of the module's name."""
    for end, value in (pattern or {}).items():
        if re.fullmatch(rf"(.*\.)?({end})", module):
            return float(value)
    return float(default)
