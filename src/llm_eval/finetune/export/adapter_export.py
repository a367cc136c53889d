"""An adapter out of here: which base it belongs to, which GGUF file that base has, what to write.

>>> export_adapter("data/lora_adapters/json_v1", "gguf-adapter", Path("json_v1.gguf"))
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llm_eval.errors import ConfigError
from llm_eval.finetune.export.gguf_adapter import export_gguf_adapter
from llm_eval.finetune.export.gguf_model import Quantization, export_gguf_model
from llm_eval.finetune.export.merged import export_merged
from llm_eval.models import embedded
from llm_eval.models.adapter_files import AdapterFiles, read_adapter
from llm_eval.models.hf.base import base_digest
from llm_eval.models.hf.checkpoint import checkpoint

Format = Literal["merged", "gguf-adapter", "gguf"]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    path: Path
    format: Format
    n_bytes: int
    count: int
    """Parameters of `merged`, modules of `gguf-adapter`, tensors of `gguf`."""
    base: Path
    adapter_digest: str
    task: str | None
    """What it was trained for, where that is recorded."""


def export_adapter(
    adapter: str | Path,
    kind: Format,
    output: Path,
    *,
    base: str | Path | None = None,
    like: Path | None = None,
    quantization: Quantization = "f16",
) -> Exported:
    """Write `adapter` in the format `kind`.

    Args:
        adapter: the directory that training wrote.
        kind: `merged` is a directory of safetensors, the others are files for llama.cpp.
        output: what to write; a directory must not be there yet, an older file is replaced.
        base: the checkpoint it was trained on; None: the one that it names.
        like: with `gguf`: a GGUF file of the same base; None: the embedded model's own.
        quantization: with `gguf`: how matrices are stored.

    Raises:
        ConfigError: something is missing, does not fit, or cannot be written.
    """
    found = read_adapter(adapter)
    directory = _base(found, base)
    if kind == "merged":
        count = export_merged(found, directory, output)
    elif kind == "gguf-adapter":
        count = export_gguf_adapter(found, directory, output)
    else:
        count = export_gguf_model(
            found, directory, like or _gguf_of(directory), output, quantization
        )
    task = ((found.manifest or {}).get("lineage") or {}).get("task")
    return Exported(output, kind, _size(output), count, directory, found.digest, task)


def named_base(adapter: AdapterFiles) -> str | None:
    """The base that the adapter says it was trained on: an embedded model's name, or a path."""
    recorded = (adapter.manifest or {}).get("base") or {}
    for told in (recorded.get("name"), recorded.get("path")):
        if told and (str(told) in embedded.MODELS or Path(str(told)).is_dir()):
            return str(told)
    told = adapter.config.get("base_model_name_or_path")
    return str(told) if told else None


def _base(adapter: AdapterFiles, given: str | Path | None) -> Path:
    """The base's directory, whose digest is the one that training recorded."""
    told = given or named_base(adapter)
    if told is None:
        raise ConfigError(f"adapter {adapter.path} does not name its base: give --base DIRECTORY")
    try:
        directory = checkpoint(told)
    except ConfigError as exc:
        if given is not None:
            raise
        raise ConfigError(f"adapter {adapter.path}: its base: {exc}; or give --base") from exc
    if adapter.base_digest is not None and adapter.base_digest != base_digest(directory):
        raise ConfigError(
            f"adapter {adapter.path} was trained on another base than {directory}: the digests "
            "differ; give its own with --base"
        )
    return directory


def _gguf_of(base: Path) -> Path:
    """The file that an embedded model's checkpoint was made from."""
    for name in embedded.MODELS:
        if base.resolve() == (embedded.models_directory() / name).resolve():
            return embedded.fetch(name)
    raise ConfigError(
        f"a GGUF model takes its tokenizer from a GGUF file of the same base: give that of {base} "
        "with --like FILE.gguf, or export with --format gguf-adapter, which needs none"
    )


def _size(path: Path) -> int:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)
