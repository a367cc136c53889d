"""Which model a SPEC means: a name in models.yaml, else `provider/model`.

gpt-4o-mini                       a name in configs/models.yaml
openai/NAME@http://host:port/v1   any OpenAI-compatible endpoint
hf/PATH:ADAPTER                   local transformers with an adapter
vllm/PATH:ADAPTER                 a vLLM server of ours; `@http://…` behind it: one that runs
gguf/C:/models/m.gguf             the colon of a drive belongs to the path
"""

import os
import re
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any, Literal

from llm_eval.errors import ConfigError
from llm_eval.registry import is_known, names, unknown
from llm_eval.specs import Capabilities, Limits, ModelSpec, Price
from llm_eval.types import Sampling
from llm_eval.yaml_source import Source, decode, load_yaml

_HERE = Path(__file__).resolve()
_KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}

_WITH_ADAPTER = ("hf", "gguf", "local", "vllm", "llamacpp")

_ENDPOINT = re.compile(r"(?P<model>.*?)@(?P<url>https?://.*)", re.IGNORECASE)
_ADAPTER = re.compile(r"(?P<path>(?:[A-Za-z]:(?=[\\/]))?+[^:]+):(?P<adapter>.+)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One model as models.yaml writes it: a `ModelSpec` without the name."""

    provider: str
    model: str
    base_url: str | None = None
    api_key_env: str | None = None
    api: Literal["chat", "completions"] = "chat"
    revision: str | None = None
    adapter: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    args: dict[str, Any] = field(default_factory=dict)
    sampling: dict[str, Any] = field(default_factory=dict)
    capabilities: Capabilities = Capabilities()
    limits: Limits = Limits()
    price: Price | None = None


def load_models(path: str | Path | None = None) -> dict[str, ModelSpec]:
    """The models of `path`, else `$LLM_EVAL_CONFIG`, else configs/models.yaml, else built in.

    Raises:
        ConfigError: a key, type or provider is wrong; names file, line and the nearest right name.
    """
    source = load_yaml(path or _find())
    entries = source.value
    if not isinstance(entries, dict) or not isinstance(entries.get("models"), dict):
        raise source.error("the file must hold a mapping `models:` of name to settings")
    for key in entries:
        if key != "models":
            raise source.error(unknown("key", key, ["models"]), key)
    return {name: _model(source, name) for name in entries["models"]}


def parse_spec(text: str, models: dict[str, ModelSpec]) -> ModelSpec:
    """The model that `text` means.

    Raises:
        ConfigError: it is no configured name and no `provider/model`; suggests the nearest.
    """
    if text in models:
        return models[text]
    provider, slash, rest = text.partition("/")
    if not slash or not rest:
        raise ConfigError(f"{unknown('model', text, models)} (or write provider/model)")
    if not is_known("providers", provider):
        raise ConfigError(f"model {text!r}: {unknown('provider', provider, names('providers'))}")
    model, base_url, adapter = rest, None, None
    if provider not in ("hf", "gguf", "local") and (endpoint := _ENDPOINT.fullmatch(rest)):
        model, base_url = endpoint["model"], endpoint["url"]
        if not model:
            raise ConfigError(f"model {text!r}: name the model before the @ of its endpoint")
    if provider in _WITH_ADAPTER:
        model, adapter = _split_adapter(model)
    return ModelSpec(
        name=text,
        provider=provider,
        model=model,
        base_url=base_url,
        api_key_env=_KEYS.get(provider),
        adapter=adapter,
    )


def _find() -> Path:
    if given := os.environ.get("LLM_EVAL_CONFIG"):
        return Path(given)
    own = [Path("configs/models.yaml"), _HERE.parents[2] / "configs/models.yaml"]
    return next((path for path in own if path.exists()), _HERE.parent / "models.yaml")


def _model(source: Source, name: str) -> ModelSpec:
    what = f"model {name!r}"
    entry = decode(source, _Entry, "models", name, what=what)
    if not is_known("providers", entry.provider):
        message = unknown("provider", entry.provider, names("providers"))
        raise source.error(f"{what}: {message}", "models", name, "provider")
    if entry.sampling:
        decode(source, Sampling, "models", name, "sampling", what=f"{what}, sampling")
    if entry.base_url is not None and not entry.base_url.startswith(("http://", "https://")):
        message = f"base_url must begin with http:// or https://, got {entry.base_url!r}"
        raise source.error(f"{what}: {message}", "models", name, "base_url")
    if entry.api_key_env is not None and not _VARIABLE.fullmatch(entry.api_key_env):
        # It may be the key itself: the message does not repeat it.
        message = "api_key_env is the name of an environment variable, never the key"
        raise source.error(f"{what}: {message}", "models", name, "api_key_env")
    values = {f.name: getattr(entry, f.name) for f in dataclass_fields(entry)}
    values["api_key_env"] = entry.api_key_env or _KEYS.get(entry.provider)
    return ModelSpec(
        name=name,
        key_required=entry.api_key_env is not None,
        place=source.place("models", name, "api_key_env"),
        **values,
    )


def _split_adapter(text: str) -> tuple[str, str | None]:
    """`PATH:ADAPTER`; a drive's colon, and one with nothing behind it, belong to the path."""
    match = _ADAPTER.fullmatch(text)
    return (match["path"], match["adapter"]) if match else (text, None)
