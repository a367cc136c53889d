"""The files of a model that a server of ours is given: where they are, and what they hold."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_eval.errors import ConfigError
from llm_eval.models import embedded
from llm_eval.models.gguf_file import read_metadata
from llm_eval.serving.server import Adapter
from llm_eval.specs import ModelSpec

_READ = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")
"""What decides the replies of a checkpoint directory."""
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class ServedAdapter:
    """An adapter's files, and their digest."""

    adapter: Adapter
    digest: str


def base_path(spec: ModelSpec) -> str:
    """What the server is to load: a path, or a name that vLLM fetches.

    Raises:
        ConfigError: there is no such file or directory.
    """
    if spec.provider == "llamacpp":
        path = embedded.fetch(spec.model) if spec.model in embedded.MODELS else Path(spec.model)
        read_metadata(path)
        return str(path.resolve())
    path = Path(spec.model).expanduser()
    if path.is_dir():
        if not (path / "config.json").exists():
            raise ConfigError(f"model {spec.name!r}: {path} holds no config.json: no checkpoint")
        return str(path.resolve())
    if path.suffix or spec.model.startswith(("/", ".", "~")) or spec.model.count("/") > 1:
        raise ConfigError(f"model {spec.name!r}: there is no directory {path}")
    return spec.model


def base_identity(model: str, revision: str | None) -> Mapping[str, Any]:
    """What `model` holds, by digest; by name and revision where it is not here."""
    path = Path(model)
    if path.is_file():
        return {"sha256": _sha256(path)}
    if path.is_dir():
        return {"sha256": _directory_digest(path)}
    return {"name": model, "revision": revision}


def read_served_adapter(spec: ModelSpec) -> ServedAdapter:
    """The adapter that `spec` names.

    Raises:
        ConfigError: it is not there, or not of the kind that the server takes.
    """
    path = Path(spec.adapter or "").expanduser()
    if spec.provider == "llamacpp":
        read_metadata(path)
        digest, rank = _sha256(path), 0
    else:
        rank = _rank(spec, path)
        digest = _directory_digest(path)
    slug = re.sub(r"[^A-Za-z0-9_.]+", "-", path.stem)[:40].strip("-") or "adapter"
    return ServedAdapter(Adapter(f"{slug}-{digest[:_DIGITS]}", path.resolve(), rank), digest)


def _rank(spec: ModelSpec, path: Path) -> int:
    """The largest rank among the adapter's modules."""
    what = f"model {spec.name!r}: adapter {path}"
    try:
        config = json.loads((path / "adapter_config.json").read_bytes())
        ranks = [int(config["r"]), *map(int, (config.get("rank_pattern") or {}).values())]
    except FileNotFoundError:
        raise ConfigError(f"{what} is no directory with an adapter_config.json") from None
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ConfigError(f"{what}: its adapter_config.json cannot be read: {exc!r}") from exc
    if not (path / "adapter_model.safetensors").exists():
        raise ConfigError(f"{what} has no adapter_model.safetensors")
    return max(ranks)


def _directory_digest(path: Path) -> str:
    """Over the names and contents of the files that a server reads."""
    total = hashlib.sha256()
    files = {file for pattern in _READ for file in path.glob(pattern)}
    for file in sorted(files):
        total.update(f"{file.name}\0{_sha256(file)}\0".encode())
    return total.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
