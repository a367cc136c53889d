"""The files of a model that a server of ours is given: where they are, and what they hold."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_eval.errors import ConfigError
from llm_eval.models import embedded
from llm_eval.models.adapter_files import read_adapter
from llm_eval.models.file_digests import file_sha256
from llm_eval.models.gguf_file import read_metadata
from llm_eval.models.hf.base import base_digest
from llm_eval.models.hf.checkpoint import checkpoint
from llm_eval.serving.server import Adapter
from llm_eval.specs import ModelSpec

_DIGITS = 12


@dataclass(frozen=True, slots=True)
class ServedAdapter:
    """An adapter's files, and their digest."""

    adapter: Adapter
    digest: str


def base_path(spec: ModelSpec) -> str:
    """What the server is to load: a path, or a name that vLLM fetches.

    Raises:
        ConfigError: there is no such file or directory, or it is no whole checkpoint.
    """
    if spec.provider == "llamacpp":
        file = embedded.fetch(spec.model) if spec.model in embedded.MODELS else Path(spec.model)
        read_metadata(file)
        return str(file.resolve())
    path = Path(spec.model).expanduser()
    if path.exists() or spec.model in embedded.MODELS or not _may_be_a_name(spec.model):
        return str(checkpoint(path).resolve())
    return spec.model


def base_identity(model: str, revision: str | None) -> Mapping[str, Any]:
    """What `model` holds, by digest; by name and revision where it is not here."""
    path = Path(model)
    if path.is_file():
        return {"sha256": file_sha256(path)}
    if path.is_dir():
        return {"sha256": base_digest(path)}
    return {"name": model, "revision": revision}


def read_served_adapter(spec: ModelSpec, base: str | None = None) -> ServedAdapter:
    """The adapter that `spec` names.

    Args:
        spec: the model.
        base: where its base lies; None where that is not here.

    Raises:
        ConfigError: it is not there, not whole, of another base, or not of the kind that the
            server takes.
    """
    path = Path(spec.adapter or "").expanduser()
    if spec.provider == "llamacpp":
        read_metadata(path)
        digest, rank = file_sha256(path), 0
    else:
        found = read_adapter(path)
        digest, rank = found.digest, _largest_rank(found.config, f"adapter {path}")
        here = base is not None and Path(base).is_dir()
        if here and found.base_digest not in (None, base_digest(Path(base or ""))):
            raise ConfigError(
                f"adapter {path} was trained on another base than {base}: name the base that it "
                "belongs to"
            )
    slug = re.sub(r"[^A-Za-z0-9_.]+", "-", path.stem)[:40].strip("-") or "adapter"
    return ServedAdapter(Adapter(f"{slug}-{digest[:_DIGITS]}", path.resolve(), rank), digest)


def _may_be_a_name(model: str) -> bool:
    """`org/name`, as on the Hub; a path has a root, a dot in front or more than one slash."""
    return not model.startswith(("/", ".", "~")) and model.count("/") <= 1


def _largest_rank(config: Mapping[str, Any], what: str) -> int:
    try:
        return max(int(config["r"]), *map(int, (config.get("rank_pattern") or {}).values()), 1)
    except (KeyError, TypeError, ValueError) as exc:
        raise ConfigError(f"{what}: its adapter_config.json tells no rank: {exc!r}") from exc
