"""What a recipe becomes on this machine: device, precision, quantisation, optimiser.

The same recipe trains on a GPU in 4 bits and on a laptop's CPU; what differs is said.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from llm_eval.errors import ConfigError
from llm_eval.finetune.config import Training
from llm_eval.finetune.ranks import is_sharded, local_device
from llm_eval.models.hf.libraries import libraries
from llm_eval.models.hf.options import cpu_has_bfloat16


@dataclass(frozen=True, slots=True)
class Setup:
    """Every choice that `auto` stands for, made."""

    device: str
    four_bit: bool
    bfloat16: bool
    optimizer: str
    gradient_checkpointing: bool
    fallbacks: tuple[str, ...]
    """What the recipe's defaults would have on a GPU and this machine lacks."""

    def describe(self) -> str:
        """`cpu, LoRA in bfloat16, adamw_torch`."""
        precision = "bfloat16" if self.bfloat16 else "float32"
        kind = "QLoRA, 4-bit NF4, computed" if self.four_bit else "LoRA"
        return f"{self.device}, {kind} in {precision}, {self.optimizer}"


def choose(config: Training) -> Setup:
    """The setup for this machine.

    Raises:
        ConfigError: the recipe insists on what is not here.
    """
    torch, _ = libraries()
    gpu = bool(torch.cuda.is_available())
    quantizes = gpu and importlib.util.find_spec("bitsandbytes") is not None
    _check(config, gpu, quantizes)
    four_bit = config.quantization == "4bit" or (config.quantization == "auto" and quantizes)
    native = torch.cuda.is_bf16_supported() if gpu else cpu_has_bfloat16()
    bfloat16 = config.precision == "bfloat16" or (config.precision == "auto" and bool(native))
    optimizer = config.optimizer
    if optimizer == "auto":
        optimizer = "paged_adamw_8bit" if quantizes else "adamw_torch"
    checkpointing = config.gradient_checkpointing
    return Setup(
        local_device() if gpu else "cpu",
        four_bit,
        bfloat16,
        optimizer,
        gpu if checkpointing is None else checkpointing,
        tuple(_fallbacks(config, gpu, quantizes, bfloat16=bfloat16)),
    )


def _check(config: Training, gpu: bool, quantizes: bool) -> None:
    why = "torch sees no GPU" if not gpu else "bitsandbytes is missing"
    if config.optimizer == "paged_adamw_8bit" and not quantizes:
        raise ConfigError(f"train.optimizer: paged_adamw_8bit: {why}; set it to auto")
    if config.quantization == "4bit" and importlib.util.find_spec("bitsandbytes") is None:
        raise ConfigError("train.quantization: 4bit: bitsandbytes is missing; set it to auto")


def _fallbacks(config: Training, gpu: bool, quantizes: bool, *, bfloat16: bool) -> Iterator[str]:
    if quantizes:
        return
    why = "no GPU" if not gpu else "bitsandbytes is missing"
    precision = "bfloat16" if bfloat16 else "float32"
    if config.quantization == "auto":
        yield f"{why}: LoRA in {precision} instead of 4-bit QLoRA"
    if config.optimizer == "auto":
        yield f"{why}: plain AdamW instead of paged 8-bit AdamW"


def load_base(path: str, setup: Setup) -> Any:
    """The frozen base as the setup wants it."""
    torch, transformers = libraries()
    dtype = torch.bfloat16 if setup.bfloat16 and setup.device != "cpu" else torch.float32
    arguments: dict[str, Any] = {"dtype": dtype}
    if setup.four_bit:
        arguments["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16 if setup.bfloat16 else torch.float32,
            # FSDP spreads only what looks like all other weights: 4-bit numbers are packed so.
            bnb_4bit_quant_storage=dtype if is_sharded() else torch.uint8,
        )
        if not is_sharded():
            arguments["device_map"] = {"": setup.device}
    return transformers.AutoModelForCausalLM.from_pretrained(
        path, local_files_only=True, trust_remote_code=False, use_safetensors=True, **arguments
    )
