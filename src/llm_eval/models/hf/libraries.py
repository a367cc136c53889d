"""torch and transformers, imported when a local model is loaded, and told to be quiet."""

import logging
import os
import warnings
from typing import Any

from llm_eval.errors import ConfigError

_LONGEST = 200
_NO_MEMORY = ("can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED")


def libraries() -> tuple[Any, Any]:
    """(torch, transformers).

    Raises:
        ConfigError: one of them is missing.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # forks warn otherwise
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # Threads that spin while they wait take the cores from others: beside one busy process a
    # training step took 15.5 s with them and 10 s without.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch
        import transformers
    except ModuleNotFoundError as exc:
        raise ConfigError(f"{exc.name} is missing: pip install 'llm-eval[hf]'") from None
    transformers.utils.logging.disable_progress_bar()
    # peft 0.21 asks transformers 5.24 by an older name, which is nothing a user can mend.
    warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")
    for name in ("transformers", "bitsandbytes"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return torch, transformers


def library(name: str, extra: str = "hf") -> Any:
    """Another library, such as peft, of the same extra.

    Raises:
        ConfigError: it is missing.
    """
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        raise ConfigError(f"{exc.name} is missing: pip install 'llm-eval[{extra}]'") from None


def in_one_line(error: Exception) -> str:
    """What a library says, which is often a page, cut to a line."""
    said = " ".join(str(error).split())
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch may do; on a CPU torch says so only by its words."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


def versions(*others: str) -> dict[str, str]:
    """What computes the replies, for a model's identity; `others` too where they are installed."""
    from importlib.metadata import PackageNotFoundError, version

    found = {name: version(name) for name in ("torch", "transformers")}
    for name in others:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
