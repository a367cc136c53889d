"""Checkpoints that transformers loads: a local directory, or the embedded model's, made once.

    checkpoint("models/Llama-3.2-3B-Instruct")  →  that directory, checked
    checkpoint("smollm2-135m")                  →  ~/.cache/llm-eval/models/smollm2-135m

The embedded model comes as a GGUF file. Its weights are dequantised once to float32 and saved as
safetensors, so that it can be finetuned where no model hub can be reached.
"""

import fcntl
import json
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llm_eval.errors import ConfigError, boundary
from llm_eval.models import embedded
from llm_eval.models.hf.libraries import libraries
from llm_eval.models.safetensors_header import tensor_shapes

_log = logging.getLogger(__name__)
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json")
_INDEX = "model.safetensors.index.json"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def checkpoint(name_or_path: str | Path) -> Path:
    """The directory of a checkpoint; the embedded model's is made if it is not there yet.

    Raises:
        ConfigError: there is no such directory, or what lies in it is not a whole checkpoint of
            plain data: safetensors, no pickles, no code of its own.
    """
    path = Path(name_or_path)
    if not path.exists() and str(name_or_path) in embedded.MODELS:
        return _embedded(str(name_or_path))
    check_checkpoint(path)
    return path


def check_checkpoint(path: Path) -> None:
    """Refuse what cannot be loaded, or only by trusting it.

    Raises:
        ConfigError: as said; names the remedy.
    """
    if not path.is_dir():
        known = ", ".join(embedded.MODELS)
        raise ConfigError(
            f"model directory {path} is not there; give the directory of a checkpoint, fetched "
            f"with `hf download` for one, or an embedded model: {known}"
        )
    config = read_json(path / "config.json")
    if config.get("auto_map"):
        raise ConfigError(
            f"{path}: the checkpoint wants to run code of its own (auto_map), which is refused; "
            f"take one of an architecture that transformers knows"
        )
    if not any(path.glob("*.safetensors")):
        pickled = any(any(path.glob(kind)) for kind in _PICKLES)
        found = "only pickled weights, which can run code" if pickled else "no weights"
        raise ConfigError(
            f"{path}: {found}; convert them to safetensors with "
            f"`model.save_pretrained(…, safe_serialization=True)`"
        )
    _check_whole(path)


def _check_whole(path: Path) -> None:
    """Every file that is needed, and the weights in full."""
    if not any((path / name).exists() for name in TOKENIZER_FILES):
        raise ConfigError(
            f"{path}: no tokenizer ({' or '.join(TOKENIZER_FILES)}); save it beside the weights "
            f"with `tokenizer.save_pretrained(…)`"
        )
    names = {file.name for file in path.glob("*.safetensors")}
    if (path / _INDEX).exists():
        names = set((read_json(path / _INDEX).get("weight_map") or {}).values())
    for name in sorted(names):
        if not (path / name).exists():
            raise ConfigError(f"{path}: {name} is missing, which {_INDEX} names; fetch it again")
        tensor_shapes(path / name, "fetch it again")


def read_json(path: Path) -> dict[str, Any]:
    """An object from a JSON file of a checkpoint or an adapter.

    Raises:
        ConfigError: it is not there or holds something else.
    """
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(f"{path} is not there, so {path.parent} is not whole") from None
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}") from exc
    if not isinstance(value, dict):
        raise ConfigError(f"{path} holds {type(value).__name__}, not an object")
    return value


def _embedded(name: str) -> Path:
    target = embedded.models_directory() / name
    if (target / "config.json").exists():
        return target
    file = embedded.fetch(name)
    try:
        with _alone(target.with_suffix(".making")):
            if not (target / "config.json").exists():
                _dequantise(name, file, target)
    except OSError as exc:
        raise ConfigError(
            f"model {name!r} cannot be made in {target.parent}: {exc.strerror}; free 600 MB or "
            f"set LLM_EVAL_MODELS to another directory"
        ) from exc
    return target


def _dequantise(name: str, file: Path, target: Path) -> None:
    """Write the checkpoint beside its place and give it its name when it is whole."""
    _log.info("making a float32 checkpoint of %s (once, 540 MB) …", name)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".make-") as scratch:
        made = Path(scratch) / name
        with boundary(ConfigError, f"model {name!r}: its weights cannot be unpacked"):
            _save(file, made)
        made.replace(target)


def _save(file: Path, target: Path) -> None:
    torch, transformers = libraries()
    options = {"gguf_file": file.name}
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(file.parent), **options)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        str(file.parent), dtype=torch.float32, **options
    )
    # The weights are plain numbers now, and are not saved while they call themselves quantised.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(str(target), safe_serialization=True)
    tokenizer.save_pretrained(str(target))


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process is making it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
