"""A model behind a server that we start and stop: vLLM, or llama.cpp's.

    vllm/data/models/smollm2:data/lora_adapters/json_v1     a directory, with a LoRA adapter
    vllm/meta-llama/Llama-3.2-3B-Instruct                   a name, which vLLM fetches
    vllm/NAME@http://127.0.0.1:8000/v1                      a server that runs already
    llamacpp/FILE.gguf:ADAPTER.gguf                         llama.cpp's server

`args` in models.yaml are the engine's options: `{max_model_len: 2048}` is `--max-model-len 2048`;
with a server that runs already they are fields of the request. Models of one base share a server.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any
from weakref import WeakSet

from llm_eval.errors import ConfigError, ProviderError
from llm_eval.models import embedded
from llm_eval.models.api_model import APIModel, public_url
from llm_eval.models.attached_model import AttachedModel
from llm_eval.models.base import BaseModel
from llm_eval.models.cores import free_cores
from llm_eval.models.served_files import base_identity, base_path, read_served_adapter
from llm_eval.serving import pool
from llm_eval.serving.llama_server import LlamaServer
from llm_eval.serving.server import Adapter, ModelServer, ServerOptions
from llm_eval.serving.vllm_server import VLLMServer
from llm_eval.specs import ModelSpec
from llm_eval.types import ModelResponse, Prompt, Sampling

_SERVERS: Mapping[str, type[ModelServer]] = {"vllm": VLLMServer, "llamacpp": LlamaServer}
_NOT_IDENTITY = ("threads", "port", "gpu_memory_utilization", "gpu-memory-utilization")
"""Options that change how fast an answer comes, not which."""

_planned: "WeakSet[ServedModel]" = WeakSet()
"""Models that are built: a server starts with all adapters of its base that will be asked for."""


class ServedModel(BaseModel):
    """One base, or one adapter on it, on a server that its users share."""

    def __init__(self, spec: ModelSpec) -> None:
        """Look at the files.

        Raises:
            ConfigError: the base or the adapter is not there.
        """
        self.name = spec.name
        self._spec = spec
        self._kind = _SERVERS[spec.provider]
        self._model = base_path(spec)
        served = None if spec.adapter is None else read_served_adapter(spec, self._model)
        self.adapter = None if served is None else served.adapter
        self._adapter_digest = None if served is None else served.digest
        self._server: ModelServer | None = None
        self._api: APIModel | None = None
        self._lock: asyncio.Lock | None = None
        self.version: str | None = None
        _planned.add(self)

    @classmethod
    def from_spec(cls, spec: ModelSpec) -> BaseModel:
        """The model that `spec` describes: on a server of ours, or on one that runs."""
        return cls(spec) if spec.base_url is None else AttachedModel(spec)

    @cached_property
    def _base(self) -> Mapping[str, Any]:
        return base_identity(self._model, self._spec.revision)

    @property
    def identity(self) -> Mapping[str, Any]:
        """What base and adapter hold, the engine's release (known once it runs), its options."""
        args = {n: v for n, v in self._spec.args.items() if n.strip("-") not in _NOT_IDENTITY}
        return {
            "provider": self._spec.provider,
            "base": self._base,
            "adapter": self._adapter_digest,
            "engine": None if self.version is None else f"{self._kind.engine} {self.version}",
            "args": args,
        }

    @property
    def server_key(self) -> tuple[str, str, str]:
        """What models on one server share."""
        options = {"revision": self._spec.revision, **self._spec.args}
        return (self._spec.provider, self._model, repr(sorted(options.items(), key=str)))

    async def start(self) -> None:
        """Take part in a server; it is started where none runs."""
        self._lock = self._lock or asyncio.Lock()
        async with self._lock:
            if self._api is None:
                server = await pool.acquire(self.server_key, self._adapters(), self._make)
                self._server, self.version = server, server.version
                self._api = self._client(server)

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """One call to the server.

        Raises:
            ProviderError: no answer; fatal where the server has ended.
        """
        if self._api is None:
            await self.start()
        assert self._api is not None
        try:
            return await self._api.generate(messages, sampling, repeat=repeat)
        except ProviderError as exc:
            server = self._server  # None: closed while this call was under way
            if exc.retryable and server is not None and (ended := server.ended) is not None:
                raise ProviderError(
                    f"model {self.name!r}: {ended}", code="server_ended", fatal=True
                ) from exc
            raise

    async def aclose(self) -> None:
        """Leave the server; the last to leave stops it."""
        api, server, self._api, self._server = self._api, self._server, None, None
        try:
            if api is not None:
                await api.aclose()
        finally:
            if server is not None:
                await pool.release(server)

    def _adapters(self) -> Sequence[Adapter]:
        """Our own, and those of the models that will want the same server."""
        same = {m.adapter for m in _planned if m.adapter and m.server_key == self.server_key}
        there = {adapter for adapter in same if adapter.path.exists()}
        return sorted(there | ({self.adapter} if self.adapter else set()), key=lambda a: a.name)

    def _make(self, adapters: Sequence[Adapter]) -> ModelServer:
        options = ServerOptions(args=_engine_args(self._spec))
        return self._kind(self._model, adapters=adapters, options=options)

    def _client(self, server: ModelServer) -> APIModel:
        args: Mapping[str, Any] = {}
        name = server.served_name
        if isinstance(server, LlamaServer):
            args = server.request_fields(self.adapter)
        elif self.adapter is not None:
            name = self.adapter.name
        spec = replace(self._spec, model=name, base_url=f"{server.endpoint.root}/v1", args=args)
        return APIModel(spec, key=server.endpoint.key)


def server_of(spec: ModelSpec, adapters: Sequence[str], options: ServerOptions) -> ModelServer:
    """A server for others to use, not started: `spec`'s base, its adapter and `adapters`.

    Raises:
        ConfigError: no engine here serves such a model, or a file is not there.
    """
    if spec.base_url is not None:
        raise ConfigError(f"model {spec.name!r} is served already, at {public_url(spec.base_url)}")
    engine = {"gguf": "llamacpp", "local": "llamacpp"}.get(spec.provider, spec.provider)
    if engine not in _SERVERS:
        raise ConfigError(
            f"model {spec.name!r}: there is no server for {spec.provider!r}; "
            "serve vllm/…, llamacpp/…, gguf/… or local/…"
        )
    if spec.provider == "local":
        embedded.named(spec.model)
    spec = replace(spec, provider=engine)
    named = ([] if spec.adapter is None else [spec.adapter]) + list(adapters)
    base = base_path(spec)
    served = [read_served_adapter(replace(spec, adapter=path), base).adapter for path in named]
    options = replace(options, args=_engine_args(spec))
    return _SERVERS[engine](base, adapters=served, options=options)


def _engine_args(spec: ModelSpec) -> Mapping[str, Any]:
    """The engine's options, with what the spec and the machine say beside them."""
    args = dict(spec.args)
    if spec.revision is not None:
        args["revision"] = spec.revision
    if spec.provider != "vllm":
        args.setdefault("threads", free_cores())
    return args
