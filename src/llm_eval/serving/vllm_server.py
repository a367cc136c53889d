"""vLLM as a process: `vllm serve`, with adapters that can be loaded while it runs.

It is found as `$LLM_EVAL_VLLM` (a program, with arguments if need be), else `vllm` on the path: it
wants an environment of its own, and is never imported.
https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
"""

import json
from collections.abc import Iterable
from pathlib import Path

from llm_eval.errors import ConfigError
from llm_eval.serving.endpoint import Endpoint
from llm_eval.serving.server import HOST, Adapter, ModelServer, flags, program

_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What `--max-lora-rank` can be."""


class VLLMServer(ModelServer):
    """One `vllm serve`."""

    engine = "vllm"
    key_variable = "VLLM_API_KEY"

    def command(self, port: int) -> list[str]:
        """`vllm serve MODEL …` on loopback."""
        words = program("LLM_EVAL_VLLM", "vllm")
        if words is None:
            raise ConfigError(
                "vllm is not installed here: install it in an environment of its own and set "
                "LLM_EVAL_VLLM to its `vllm`, or name a running server: "
                "vllm/NAME@http://127.0.0.1:8000/v1"
            )
        words += ["serve", self.model, "--host", HOST, "--port", str(port)]
        words += ["--served-model-name", self.served_name]
        return words + self._lora_words() + flags(self.args)

    def environment(self) -> dict[str, str]:
        """With what loading adapters takes, workers on loopback, and nothing told to anybody."""
        own = {
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1",
            "VLLM_HOST_IP": HOST,
            "VLLM_NO_USAGE_STATS": "1",
        }
        if Path(self.model).is_dir():
            own["HF_HUB_OFFLINE"] = "1"
        return super().environment() | own

    def can_serve(self, adapters: Iterable[Adapter]) -> bool:
        """Any that is here, and any more of no higher rank where it was started with some."""
        wanted = [adapter for adapter in adapters if adapter not in self.adapters]
        return not wanted or (
            bool(self.adapters) and max(a.rank for a in wanted) <= self._largest_rank()
        )

    async def load(self, adapter: Adapter) -> None:
        """Load it while the server runs."""
        if adapter not in self.adapters:
            await load_adapter(self.endpoint, adapter)
            self.adapters = (*self.adapters, adapter)

    async def read_version(self) -> str | None:
        """From `/version`."""
        return await read_version(self.endpoint)

    def _lora_words(self) -> list[str]:
        if not self.adapters:
            return []
        words = ["--enable-lora", "--max-lora-rank", str(self._largest_rank())]
        words += ["--max-loras", str(min(len(self.adapters), 8)), "--lora-modules"]
        return words + [json.dumps({"name": a.name, "path": str(a.path)}) for a in self.adapters]

    def _largest_rank(self) -> int:
        rank = max(adapter.rank for adapter in self.adapters)
        fitting = [allowed for allowed in _RANKS if allowed >= rank]
        if not fitting:
            raise ConfigError(f"vllm serves adapters of rank up to {_RANKS[-1]}, not {rank}")
        return fitting[0]


async def load_adapter(endpoint: Endpoint, adapter: Adapter) -> None:
    """Have a running vLLM load `adapter`.

    Raises:
        ConfigError: it was not started for that, or refuses the adapter.
    """
    body = {"lora_name": adapter.name, "lora_path": str(adapter.path)}
    told = await endpoint.post("/v1/load_lora_adapter", body)
    if told.status == 404 and told.json == {"detail": "Not Found"}:  # there is no such route
        raise ConfigError(
            f"the server at {endpoint.root} loads no adapters: start it with --enable-lora and "
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING=1, or serve the adapter by name"
        )
    if told.status != 200 and "already been loaded" not in told.message:
        raise ConfigError(f"adapter {adapter.name!r}: vllm refuses it: {told.message}")


async def read_version(endpoint: Endpoint) -> str | None:
    """The release that a running vLLM tells; None where it does not."""
    told = (await endpoint.get("/version")).json
    version = told.get("version") if isinstance(told, dict) else None
    return str(version) if version else None
