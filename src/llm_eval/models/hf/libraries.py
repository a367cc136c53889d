"""torch and transformers, imported when a local model is loaded, and told to be quiet."""

import logging
import os
import warnings
from typing import Any

from llm_eval.errors import ConfigError


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


def versions() -> dict[str, str]:
    """What computes the replies, for a model's identity."""
    from importlib.metadata import version

    return {name: version(name) for name in ("torch", "transformers")}
