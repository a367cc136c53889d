"""Saving an adapter so that it is whole or not there.

Everything is written into a directory beside the place, synced, and renamed; the manifest with the
digests of all files is written last.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm_eval.errors import TrainingError
from llm_eval.models.adapter_files import (
    CONFIG,
    FORMAT,
    MANIFEST,
    WEIGHTS,
    AdapterFiles,
    read_adapter,
)
from llm_eval.models.file_digests import file_sha256
from llm_eval.models.hf.libraries import in_one_line


def save_adapter(
    model: Any,
    tokenizer: Any,
    weights: Any,
    target: Path,
    *,
    base: Mapping[str, str],
    lineage: Mapping[str, Any],
) -> AdapterFiles:
    """Write PEFT's files and the manifest; an adapter that was there before is replaced.

    Args:
        model: wrapped by PEFT.
        tokenizer: saved beside it, so that other tools can use the adapter.
        weights: by name, where the model has them in parts; None: its own.
        target: the adapter's directory.
        base: `name` and `digest` of the checkpoint under it.
        lineage: all that is known of its training; JSON types.

    Raises:
        TrainingError: it cannot be written; nothing is left of it.
    """
    made = target.with_name(f".{target.name}.saving")
    shutil.rmtree(made, ignore_errors=True)  # what a kill left
    try:
        made.mkdir(parents=True)
        model.save_pretrained(str(made), state_dict=weights, safe_serialization=True)
        _fill(tokenizer, made, base, lineage)
        replace_directory(made, target)
    except Exception as exc:
        if not is_disk_error(exc):
            raise
        raise TrainingError(
            f"adapter {target} cannot be written: {in_one_line(exc)}; free some space or choose "
            f"another output. The last checkpoint stays, and the same command goes on from it"
        ) from exc
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return read_adapter(target)


def is_disk_error(exc: Exception) -> bool:
    """Whether a file could not be written: each library says so with a class of its own.

    safetensors raises its own error for whatever the system refuses; torch's writer of archives
    raises RuntimeError and names its source file.
    """
    if isinstance(exc, OSError) or type(exc).__name__ == "SafetensorError":
        return True
    return isinstance(exc, RuntimeError) and any(
        mark in str(exc) for mark in ("PytorchStreamWriter", "inline_container")
    )


def _fill(tokenizer: Any, made: Path, base: Mapping[str, str], lineage: Mapping[str, Any]) -> None:
    # PEFT records the path of the base, which is nobody's business and true on one machine only.
    config = json.loads((made / CONFIG).read_bytes())
    config["base_model_name_or_path"] = base["name"]
    (made / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (made / "README.md").unlink(missing_ok=True)
    tokenizer.save_pretrained(str(made))
    names = (CONFIG, WEIGHTS)
    manifest = {
        "format": FORMAT,
        "base": dict(base),
        "files": {name: file_sha256(made / name) for name in names},
        "lineage": dict(lineage),
    }
    (made / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    for path in made.iterdir():
        _sync(path)
    _sync(made)


def replace_directory(made: Path, target: Path) -> None:
    """Put `made` in the place of `target`; there is never half of either under that name."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    made.rename(target)
    _sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
