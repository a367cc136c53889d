"""Tensors of a checkpoint as float32 arrays, one at a time, whatever type they are stored in."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from llm_eval.errors import ConfigError, boundary
from llm_eval.models.hf.libraries import libraries, library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_tensors(file: Path) -> "Iterator[tuple[str, NDArray[np.float32]]]":
    """Name and values of each tensor in a safetensors file.

    Raises:
        ConfigError: the file is damaged.
    """
    torch, _ = libraries()
    safetensors = library("safetensors")
    with (
        boundary(ConfigError, f"{file} cannot be read"),
        safetensors.safe_open(file, framework="pt") as opened,
    ):
        for name in opened.keys():  # noqa: SIM118 - no mapping
            yield name, opened.get_tensor(name).to(torch.float32).numpy()


def read_checkpoint(directory: Path) -> "Iterator[tuple[str, NDArray[np.float32]]]":
    """Name and values of each tensor in all shards of a checkpoint."""
    for file in sorted(directory.glob("*.safetensors")):
        yield from read_tensors(file)
