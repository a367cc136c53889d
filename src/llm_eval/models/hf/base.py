"""A checkpoint in memory, once a process, with any number of adapters on it.

    base = acquire(path, options)      # loads, or shares what is loaded
    with base.using(adapter):          # the base itself where adapter is None
        base.model(…)
    release(base)                      # kept until another is loaded

Whoever uses `model` does so in the one thread of `queue`, so no two adapters ever mix.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm_eval.errors import ConfigError, EvalError
from llm_eval.models.adapter_files import AdapterFiles
from llm_eval.models.cores import free_cores
from llm_eval.models.file_digests import file_sha256, files_digest
from llm_eval.models.hf.fit import check_fit, check_loaded, fitting, load_adapter
from llm_eval.models.hf.libraries import in_one_line, libraries, library
from llm_eval.models.hf.options import Options, quantization_config, resolve_device, resolve_dtype

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json")
_TEMPLATE = "chat_template.jinja"
_HERE = "the base it was put on"


@dataclass(eq=False)
class Base:
    """One loaded checkpoint."""

    key: tuple[str, ...]
    model: Any
    tokenizer: Any
    device: str
    users: int = 0
    adapters: dict[str, str] = field(default_factory=dict)
    """PEFT's name of each adapter that was loaded, by its digest."""
    peft: Any = None
    """The model wrapped by PEFT; None until the first adapter."""

    @property
    def context(self) -> int:
        """How many tokens the model reads."""
        config = self.model.config.get_text_config(decoder=True)
        return getattr(config, "max_position_embeddings", None) or 1 << 30

    @property
    def start_token(self) -> int:
        """What stands before a text that has nothing before it."""
        for token in (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        return 0

    def encode(self, text: str) -> list[int]:
        """Tokens of plain text, with those that the tokenizer puts in front, but never twice.

        A rendered chat template often begins with the text's first token already.
        """
        begins = self.tokenizer.bos_token
        twice = begins is not None and text.startswith(begins)
        return list(self.tokenizer(text, add_special_tokens=not twice)["input_ids"])

    def load_adapter(self, adapter: AdapterFiles) -> None:
        """Put an adapter on the base; costs nothing the second time.

        Raises:
            ConfigError: it does not fit this base.
        """
        if adapter.digest in self.adapters:
            return
        peft = library("peft")
        name = adapter.digest[:16]
        if self.peft is None:
            self.peft = load_adapter(peft, self.model, adapter, _HERE, name=name)
        else:
            self._load_beside(peft, adapter, name)
        self.peft.eval()
        self.adapters[adapter.digest] = name

    def _load_beside(self, peft: Any, adapter: AdapterFiles, name: str) -> None:
        """One more adapter; where it does not fit, the others stay as they were."""
        check_fit(adapter, self.model, _HERE)
        with fitting(adapter, _HERE):
            self.peft.load_adapter(str(adapter.path), adapter_name=name, is_trainable=False)
        try:
            check_loaded(peft, self.peft, adapter, _HERE, name)
        except ConfigError:
            self.peft.delete_adapter(name)
            raise

    @contextmanager
    def using(self, adapter: str | None) -> Iterator[None]:
        """Within the block `model` is the base with the adapter of this digest, or alone."""
        if self.peft is None:
            yield
        elif adapter is None:
            with self.peft.disable_adapter():
                yield
        else:
            self.peft.set_adapter(self.adapters[adapter])
            yield


_lock = threading.Lock()
_loaded: dict[tuple[str, ...], Base] = {}


def acquire(path: Path, options: Options) -> Base:
    """The checkpoint in `path`, loaded; release it when it is no longer needed.

    Raises:
        ConfigError: it cannot be loaded, or what it needs is not there.
    """
    torch, _ = libraries()
    device = resolve_device(torch, options)
    dtype = resolve_dtype(options, device)
    key = (base_digest(path), device, dtype, str(options.quantization), str(options.attention))
    with _lock:
        if key not in _loaded:
            _forget_unused()
            _loaded[key] = _load(path, options, device, dtype, key)
        base = _loaded[key]
        base.users += 1
        return base


def release(base: Base) -> None:
    """One user less. It stays loaded until another is needed: the next run often wants it."""
    with _lock:
        base.users -= 1


def forget_unused() -> None:
    """Free every checkpoint that nobody uses: before training, which needs the memory."""
    with _lock:
        _forget_unused()


def base_digest(path: Path) -> str:
    """sha256 over what makes the replies: configuration, weights, tokenizer, template."""
    names = {"config.json", *_TOKENIZER_FILES, _TEMPLATE}
    files = [p for p in path.iterdir() if p.name in names or p.suffix == ".safetensors"]
    return files_digest({p.name: file_sha256(p) for p in files})


def check_base(adapter: AdapterFiles, path: Path) -> AdapterFiles:
    """The adapter, which was trained on this very base or does not say on which.

    Raises:
        ConfigError: it was trained on another.
    """
    wanted = adapter.base_digest
    if wanted is not None and wanted != base_digest(path):
        name = (adapter.manifest or {}).get("base", {}).get("name", "another model")
        raise ConfigError(
            f"adapter {adapter.path} was trained on {name!r} with other files than {path.name!r} "
            f"has; name the base that it belongs to"
        )
    return adapter


def _forget_unused() -> None:
    for key in [key for key, base in _loaded.items() if base.users == 0]:
        del _loaded[key]


def _load(path: Path, options: Options, device: str, dtype: str, key: tuple[str, ...]) -> Base:
    torch, transformers = libraries()
    if device == "cpu":
        torch.set_num_threads(free_cores())
    quantized = quantization_config(torch, transformers, options, dtype)
    arguments: dict[str, Any] = {"dtype": getattr(torch, dtype), "use_safetensors": True}
    if quantized is not None:
        arguments |= {"quantization_config": quantized, "device_map": {"": device}}
    if options.attention is not None:
        arguments["attn_implementation"] = options.attention
    with _loading(path):
        tokenizer = load_tokenizer(path)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            str(path), local_files_only=True, trust_remote_code=False, **arguments
        )
    if quantized is None:
        model = model.to(device)
    return Base(key, model.eval(), tokenizer, device)


@contextmanager
def _loading(path: Path) -> Iterator[None]:
    try:
        yield
    except EvalError:
        raise
    except Exception as exc:
        raise ConfigError(f"model {path}: cannot be loaded: {in_one_line(exc)}") from exc


def load_tokenizer(path: Path) -> Any:
    """The checkpoint's tokenizer, padding on the left as generation needs it."""
    _, transformers = libraries()
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        str(path), local_files_only=True, trust_remote_code=False
    )
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer
