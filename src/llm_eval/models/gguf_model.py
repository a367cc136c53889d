"""A GGUF file, run in this process by llama.cpp: no server, no key, no GPU needed.

    gguf/models/llama-3.2-1b-q4.gguf      a file
    gguf/FILE.gguf:ADAPTER.gguf           with a LoRA adapter
    local/smollm2-135m                    the embedded model, fetched once

Requests of several threads are batched continuously. `args` in models.yaml: `n_parallel` (slots),
`n_ctx` (tokens a slot), `n_threads`, `n_gpu_layers`.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from llm_eval.errors import ConfigError, ProviderError, boundary
from llm_eval.fingerprint import digest
from llm_eval.models import embedded
from llm_eval.models.base import BaseModel
from llm_eval.models.chat_template import ChatTemplate, plain_text
from llm_eval.models.completion import Completion
from llm_eval.models.cores import free_cores
from llm_eval.models.gguf_file import read_metadata
from llm_eval.specs import ModelSpec
from llm_eval.types import ModelResponse, Prompt, Sampling

DEFAULT_SLOTS = 4
DEFAULT_CONTEXT = 4096
"""Tokens a slot, where the model was trained for at least so many."""
_ARGUMENTS = ("n_parallel", "n_ctx", "n_threads", "n_gpu_layers")


class GGUFModel(BaseModel):
    """One file, loaded by `start`."""

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        adapter: Path | None = None,
        slots: int = DEFAULT_SLOTS,
        args: Mapping[str, int] | None = None,
    ) -> None:
        """Read the file's header.

        Raises:
            ConfigError: the file or the adapter is not there or no GGUF file, or an argument is
                unknown.
        """
        self.name = name
        self._path, self._adapter = path, adapter
        self._args = dict(args or {})
        for given in self._args:
            if given not in _ARGUMENTS:
                raise ConfigError(f"model {name!r}: args: {given!r} is none of {_ARGUMENTS}")
        self._slots = self._args.get("n_parallel", slots)
        self._metadata = read_metadata(path)
        if adapter is not None:
            read_metadata(adapter)
        self._template = _template(self._metadata)
        self._engine: Any = None
        self._threads: ThreadPoolExecutor | None = None

    @classmethod
    def from_spec(cls, spec: ModelSpec) -> "GGUFModel":
        """The model that `spec` describes; the embedded one is fetched if it is not here yet.

        Raises:
            ConfigError: there is no such file, or it cannot be fetched.
        """
        path = embedded.fetch(spec.model) if spec.provider == "local" else Path(spec.model)
        adapter = None if spec.adapter is None else Path(spec.adapter)
        slots = min(DEFAULT_SLOTS, spec.limits.concurrency)
        return cls(spec.name, path, adapter=adapter, slots=slots, args=spec.args)

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """The digests of file and adapter, the engine's release, and the arguments."""
        return {
            "provider": "gguf",
            "sha256": _sha256(self._path),
            "adapter": None if self._adapter is None else _sha256(self._adapter),
            "template": digest(self._metadata.get("tokenizer.chat_template")),
            "engine": f"xllamacpp {_engine_version()}",
            "args": {n: v for n, v in self._args.items() if n != "n_threads"},
        }

    @property
    def max_concurrency(self) -> int:
        """Its slots."""
        return self._slots

    async def start(self) -> None:
        """Load the weights."""
        if self._engine is None:
            self._engine = await asyncio.to_thread(self._load)
            self._threads = ThreadPoolExecutor(self._slots, thread_name_prefix="gguf")

    async def aclose(self) -> None:
        """Wait for what is in flight, and free the weights."""
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown)
        self._engine = None

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """One reply, in a slot of its own."""
        await self.start()
        body = self._body(messages, sampling)
        started = perf_counter()
        reply = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._engine.handle_completions, body
        )
        return self._parse(reply, perf_counter() - started)

    @property
    def context(self) -> int:
        """Tokens that prompt and reply may have together."""
        architecture = self._metadata.get("general.architecture")
        trained = int(self._metadata.get(f"{architecture}.context_length", DEFAULT_CONTEXT))
        return self._args.get("n_ctx") or min(DEFAULT_CONTEXT, trained)

    def _load(self) -> Any:
        try:
            import xllamacpp
        except ModuleNotFoundError:
            raise ConfigError(
                f"model {self.name!r} needs its engine: pip install 'llm-eval[local]'"
            ) from None
        params = xllamacpp.CommonParams()
        params.model.path = str(self._path)
        params.n_parallel = self._slots
        params.n_ctx = self.context * self._slots
        n_threads = self._args.get("n_threads") or free_cores()
        for threads in (params.cpuparams, params.cpuparams_batch):
            threads.n_threads = n_threads
            threads.poll = 0  # as fast when alone, 1.7 times as fast beside another busy process
        params.n_gpu_layers = self._args.get("n_gpu_layers", -1)
        params.verbosity = -1
        params.cache_ram_mib = 0  # else the engine keeps old prompts in up to 8 GB of memory
        params.api_keys = [secrets.token_hex()]  # the engine listens on loopback: for us alone
        if self._adapter is not None:
            lora = xllamacpp.CommonAdapterLoraInfo()
            lora.path, lora.scale = str(self._adapter), 1.0
            params.lora_adapters = [lora]
        with boundary(ConfigError, f"model {self.name!r}: {self._path.name} cannot be loaded"):
            return xllamacpp.Server(params)

    def _body(self, messages: Prompt, sampling: Sampling) -> dict[str, Any]:
        text = plain_text(messages) if self._template is None else self._template.render(messages)
        body: dict[str, Any] = {"prompt": text, "temperature": sampling.temperature}
        if sampling.max_tokens is not None:
            body["max_tokens"] = sampling.max_tokens
        if sampling.top_p is not None:
            body["top_p"] = sampling.top_p
        if sampling.seed is not None:
            body["seed"] = sampling.seed
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if sampling.json_schema is not None:
            body["json_schema"] = sampling.json_schema
        if sampling.top_logprobs is not None:
            body["n_probs"] = max(1, sampling.top_logprobs)
        return body

    def _parse(self, reply: Any, latency_s: float) -> ModelResponse:
        if (error := reply.get("error")) is not None:
            too_long = error.get("type") == "exceed_context_size_error"
            raise ProviderError(
                f"model {self.name!r}: {error.get('message')}",
                code="context_length" if too_long else "engine",
                status=error.get("code"),
            )
        # The engine names the model by its path, which is nobody's business.
        completion = msgspec.convert({**reply, "model": self._path.name}, Completion)
        return completion.response(latency_s, self._path.name)


def _template(metadata: Mapping[str, Any]) -> ChatTemplate | None:
    text = metadata.get("tokenizer.chat_template")
    return None if text is None else ChatTemplate(text)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _engine_version() -> str:
    try:
        return version("xllamacpp")
    except ModuleNotFoundError:
        return "none"
