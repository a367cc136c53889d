"""What a safetensors file holds, read without loading it: names, shapes, and how long it must be.

Format: huggingface.co/docs/safetensors, "Format".
"""

import json
import struct
from pathlib import Path

from llm_eval.errors import ConfigError


def tensor_shapes(path: Path, remedy: str) -> dict[str, list[int]]:
    """Shape of each tensor, by its name.

    Args:
        path: the file.
        remedy: what to do when it is not whole, for the message.

    Raises:
        ConfigError: it is no such file, or not whole.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, size)))
        tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
        end = max(entry["data_offsets"][1] for entry in tensors.values())
        shapes = {name: list(entry["shape"]) for name, entry in tensors.items()}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ConfigError(
            f"{path} is no safetensors file, or only a part of one; {remedy}"
        ) from exc
    if size != 8 + length + end:
        raise ConfigError(f"{path} is not whole: {size:,} of {8 + length + end:,} bytes; {remedy}")
    return shapes
