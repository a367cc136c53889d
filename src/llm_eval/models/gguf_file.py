"""What a GGUF file says about itself: its header of names and values, read without its weights.

    read_metadata("model.gguf")["general.architecture"]  →  "llama"

Format: github.com/ggml-org/ggml, docs/gguf.md. Long arrays (the vocabulary) are skipped.
"""

import struct
from pathlib import Path
from typing import Any, BinaryIO

from llm_eval.errors import ConfigError

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_NUMBERS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
"""Code of `struct` for each type of number."""
_STRING, _ARRAY = 8, 9
_MAX_TEXT = 16 * 1024 * 1024
_MAX_ENTRIES = 10_000


def read_metadata(path: Path) -> dict[str, Any]:
    """Every value of the header but the arrays.

    Raises:
        ConfigError: the file is not there, or is no GGUF file.
    """
    try:
        with path.open("rb") as file:
            return _header(file)
    except FileNotFoundError:
        raise ConfigError(f"{path} is not there; name a .gguf file") from None
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}") from exc
    except (struct.error, ValueError, EOFError) as exc:
        raise ConfigError(f"{path} is no GGUF file, or only a part of one: {exc}") from exc


def _header(file: BinaryIO) -> dict[str, Any]:
    if (magic := file.read(4)) != _MAGIC:
        raise ValueError(f"it begins with {magic!r}")
    if (version := _number(file, "I")) not in _VERSIONS:
        raise ValueError(f"its version is {version}")
    _number(file, "Q")  # tensors
    n_entries = _number(file, "Q")
    if n_entries > _MAX_ENTRIES:
        raise ValueError(f"its header claims {n_entries:,} entries")
    entries = {}
    for _ in range(n_entries):
        name = _text(file)
        kind = _number(file, "I")
        if kind == _ARRAY:
            _skip_array(file)
        else:
            entries[name] = _text(file) if kind == _STRING else _number(file, _code(kind))
    return entries


def _skip_array(file: BinaryIO) -> None:
    kind, length = _number(file, "I"), _number(file, "Q")
    if kind == _STRING:
        for _ in range(length):
            _text(file)
    elif kind == _ARRAY:
        for _ in range(length):
            _skip_array(file)
    else:
        file.seek(length * struct.calcsize(_code(kind)), 1)


def _code(kind: int) -> str:
    if kind not in _NUMBERS:
        raise ValueError(f"its header has a value of type {kind}")
    return _NUMBERS[kind]


def _number(file: BinaryIO, code: str) -> Any:
    size = struct.calcsize(code)
    (value,) = struct.unpack(f"<{code}", file.read(size))
    return value


def _text(file: BinaryIO) -> str:
    length = _number(file, "Q")
    if length > _MAX_TEXT:
        raise ValueError(f"its header claims a text of {length:,} bytes")
    data = file.read(length)
    if len(data) < length:
        raise EOFError("it ends in its header")
    return data.decode(errors="replace")
