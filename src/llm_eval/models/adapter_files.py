"""Adapters on disk: a directory as PEFT writes it, with a manifest of what belongs to it.

    data/lora_adapters/json_v1/
        adapter_config.json  adapter_model.safetensors  llm_eval_adapter.json  …

The manifest is written last, into a directory that gets its name when it is whole: what was cut
off in the middle is never loaded. A directory of PEFT's own, without a manifest, is taken too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_eval.errors import ConfigError
from llm_eval.models.file_digests import file_sha256, files_digest
from llm_eval.models.hf.checkpoint import read_json
from llm_eval.models.safetensors_header import tensor_shapes

MANIFEST = "llm_eval_adapter.json"
CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class AdapterFiles:
    """One adapter, found whole."""

    path: Path
    config: Mapping[str, Any]
    """PEFT's: rank, alpha, target modules."""
    digest: str
    """sha256 over configuration and weights: other files, other adapter."""
    manifest: Mapping[str, Any] | None
    """What training recorded; None for an adapter from elsewhere."""

    @property
    def base_digest(self) -> str | None:
        """Digest of the base it was trained on, where the manifest tells."""
        base = (self.manifest or {}).get("base") or {}
        found: str | None = base.get("digest")
        return found


def read_adapter(path: str | Path) -> AdapterFiles:
    """Look at an adapter's files without loading them.

    Raises:
        ConfigError: it is missing, half-saved, damaged or pickled; names the remedy.
    """
    directory = Path(path)
    if not directory.is_dir():
        raise ConfigError(f"adapter {path} is not there; name the directory that training wrote")
    if not (directory / WEIGHTS).exists():
        if any(directory.glob("*.bin")):
            raise ConfigError(
                f"adapter {path}: its weights are pickled, which can run code; save it again with "
                f"safe_serialization=True"
            )
        raise ConfigError(f"adapter {path} has no {WEIGHTS}: it is not whole; train it again")
    config = read_json(directory / CONFIG)
    tensor_shapes(directory / WEIGHTS, "train it again")  # refuses what is not whole
    digests = {name: file_sha256(directory / name) for name in (CONFIG, WEIGHTS)}
    manifest = read_json(directory / MANIFEST) if (directory / MANIFEST).exists() else None
    if manifest is not None:
        _check_manifest(directory, manifest, digests)
    return AdapterFiles(directory, config, files_digest(digests), manifest)


def _check_manifest(
    directory: Path, manifest: Mapping[str, Any], digests: Mapping[str, str]
) -> None:
    if manifest.get("format") != FORMAT:
        raise ConfigError(
            f"adapter {directory}: {MANIFEST} has format {manifest.get('format')!r}, and this "
            f"release reads {FORMAT}"
        )
    recorded = manifest.get("files") or {}
    for name, found in digests.items():
        if recorded.get(name) != found:
            raise ConfigError(
                f"adapter {directory}: {name} is not the file that training wrote (its sha256 "
                f"differs from {MANIFEST}); restore it, or delete {MANIFEST} to use it as another "
                f"adapter"
            )
