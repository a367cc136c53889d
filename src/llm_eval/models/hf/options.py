"""How a local checkpoint is loaded: `args` of a model in models.yaml.

args: {dtype: bfloat16, device: "cuda:1", quantization: 4bit, max_rows: 64}
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from llm_eval.errors import ConfigError
from llm_eval.models.hf.libraries import library
from llm_eval.registry import unknown

Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Quantization = Literal["4bit", "8bit"]

_DEVICE = re.compile(r"(?P<kind>cpu|cuda|mps)(:(?P<number>\d+))?")
_CPU_FEATURES = Path("/proc/cpuinfo")
_FAST_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything about loading that can change a reply, and how much is done at once."""

    dtype: Dtype = "auto"
    """auto: bfloat16 on a GPU; on a CPU float32 unless it computes bfloat16 natively."""
    device: str = "auto"
    """auto: the first GPU, else the CPU."""
    quantization: Quantization | None = None
    """4bit (NF4, double quantisation) or 8bit, by bitsandbytes."""
    attention: str | None = None
    """transformers' `attn_implementation`."""
    thinking: bool | None = None
    """`enable_thinking` of the chat template, for models that have it."""
    max_rows: int | None = None
    """The most replies written at once; default: 32 on a CPU, 128 on a GPU."""
    max_batch_tokens: int | None = None
    """The most tokens, prompts and replies, held at once; default: 32,768 or 262,144."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            ConfigError: names the argument and its value.
        """
        for name, options in (("dtype", Dtype), ("quantization", Quantization)):
            value = getattr(self, name)
            if value is not None and value not in get_args(options):
                message = unknown("value", str(value), get_args(options))
                raise ConfigError(f"args: {name}: {message}")
        for name in ("max_rows", "max_batch_tokens"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ConfigError(f"args: {name} must be at least 1, got {value!r}")


def parse_options(model: str, args: Mapping[str, Any]) -> Options:
    """`args` as options.

    Raises:
        ConfigError: an argument is unknown or has no such value.
    """
    known = [field.name for field in fields(Options)]
    for name in args:
        if name not in known:
            raise ConfigError(f"model {model!r}: args: {unknown('argument', name, known)}")
    try:
        return Options(**args)
    except ConfigError as exc:
        raise ConfigError(f"model {model!r}: {exc}") from None


def resolve_device(torch: Any, options: Options) -> str:
    """`cpu`, `cuda:0`, …: where the model goes.

    Raises:
        ConfigError: the GPU that was asked for is not there.
    """
    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if options.device == "auto":
        return "cuda:0" if n_gpus else "cpu"
    found = _DEVICE.fullmatch(options.device)
    if found is None:
        raise ConfigError(
            f"args: device {options.device!r} is none: give auto, cpu, cuda, cuda:1 or mps"
        )
    if found["kind"] == "cuda" and int(found["number"] or 0) >= n_gpus:
        seen = f"there are {n_gpus}" if n_gpus else "there is none that torch can use"
        raise ConfigError(f"args: device {options.device!r}: {seen}; use device: cpu or auto")
    return options.device


def resolve_dtype(options: Options, device: str) -> str:
    """Name of the dtype that weights and activations have."""
    if options.dtype != "auto":
        return options.dtype
    return "bfloat16" if not device.startswith("cpu") or cpu_has_bfloat16() else "float32"


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 natively; where not, it is 60 times slower."""
    try:
        text = _CPU_FEATURES.read_text()
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
    return any(name in flags.split() for name in _FAST_BFLOAT16)


def quantization_config(torch: Any, transformers: Any, options: Options, dtype: str) -> Any:
    """Bitsandbytes' configuration; None where the weights stay as they are.

    Raises:
        ConfigError: bitsandbytes is missing.
    """
    if options.quantization is None:
        return None
    library("bitsandbytes", "train")
    if options.quantization == "8bit":
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, dtype),
    )
