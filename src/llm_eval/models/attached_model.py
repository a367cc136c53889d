"""A model on a server that somebody else runs: it says what it serves before it is asked.

vllm/NAME@http://127.0.0.1:8000/v1             what /v1/models lists
vllm/NAME:ADAPTER_DIR@http://127.0.0.1:8000/v1 vLLM loads the adapter, where it may
llamacpp/NAME@http://127.0.0.1:8080/v1         llama.cpp's server
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from llm_eval.errors import ConfigError
from llm_eval.models.api_model import APIModel, public_url
from llm_eval.models.served_files import read_served_adapter
from llm_eval.serving import llama_server, vllm_server
from llm_eval.serving.endpoint import Endpoint, Told
from llm_eval.specs import ModelSpec

_VERSION = {"vllm": vllm_server.read_version, "llamacpp": llama_server.read_build}
_KEYS = {
    "vllm": vllm_server.VLLMServer.key_variable,
    "llamacpp": llama_server.LlamaServer.key_variable,
}


class AttachedModel(APIModel):
    """An endpoint whose engine, model and adapter are known by their own word."""

    def __init__(self, spec: ModelSpec) -> None:
        """Look at the adapter, where there is one.

        Raises:
            ConfigError: it is not there, or the server cannot load any.
        """
        self._base_name = spec.model
        self._adapter = None if spec.adapter is None else read_served_adapter(spec)
        if self._adapter is not None:
            if spec.provider != "vllm":
                raise ConfigError(
                    f"model {spec.name!r}: llama.cpp's server loads adapters only when it starts"
                )
            spec = replace(spec, model=self._adapter.adapter.name)
        super().__init__(replace(spec, api_key_env=spec.api_key_env or _KEYS[spec.provider]))
        self.version: str | None = None

    @property
    def identity(self) -> Mapping[str, Any]:
        """As any endpoint's, with the release that it tells and the adapter's digest."""
        digest = None if self._adapter is None else self._adapter.digest
        own = {"model": self._base_name, "adapter": digest, "engine": self.version}
        return {**super().identity, **own}

    async def start(self) -> None:
        """Ask what it is and what it serves; have it load the adapter.

        Raises:
            ConfigError: nobody answers, the key is wrong, or it serves no such model.
        """
        parts = urlsplit(self._base_url)
        endpoint = Endpoint(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", self._key())
        told = await endpoint.get(f"{parts.path.rstrip('/')}/models")
        if told.status == 200 and self._adapter is not None:
            await vllm_server.load_adapter(endpoint, self._adapter.adapter)
            told = await endpoint.get(f"{parts.path.rstrip('/')}/models")
        self._check(told)
        self.version = await _VERSION[self._spec.provider](endpoint)

    def _check(self, told: Told) -> None:
        shown = f"model {self.name!r}: {public_url(self._base_url)}"
        if told.status in (401, 403):
            raise ConfigError(f"{shown} wants another key: set {self._spec.api_key_env}")
        if told.status != 200:
            said = f"answers HTTP {told.status}" if told.status else "does not answer"
            raise ConfigError(f"{shown} {said}: {told.message}; is the server running?")
        listed = told.json.get("data") if isinstance(told.json, dict) else None
        served = [str(model.get("id")) for model in listed or () if isinstance(model, dict)]
        if self._spec.model not in served:
            names = ", ".join(served[:8]) or "nothing"
            raise ConfigError(f"{shown} does not serve {self._spec.model!r}; it serves {names}")
