"""llama.cpp's server as a process: `llama-server`, else the one inside the `xllamacpp` wheel.

`$LLM_EVAL_LLAMA_SERVER` names the program, else `llama-server` on the path is taken: who has built
one has built it for their hardware. Without either, xllamacpp's serves the same endpoints.
https://github.com/ggml-org/llama.cpp/tree/master/tools/server
"""

import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from llm_eval.errors import ConfigError
from llm_eval.serving.endpoint import Endpoint
from llm_eval.serving.server import HOST, Adapter, ModelServer, flags, program

_HOST_SCRIPT = Path(__file__).with_name("xllamacpp_host.py")


class LlamaServer(ModelServer):
    """One `llama-server`; adapters are loaded at the start and chosen by each request."""

    engine = "llama.cpp"
    key_variable = "LLAMA_API_KEY"

    def command(self, port: int) -> list[str]:
        """`llama-server --model FILE …` on loopback."""
        words = program("LLM_EVAL_LLAMA_SERVER", "llama-server")
        if words is None:
            if find_spec("xllamacpp") is None:
                raise ConfigError(
                    "llama.cpp is not installed here: pip install 'llm-eval[local]', or set "
                    "LLM_EVAL_LLAMA_SERVER to a llama-server"
                )
            words = [sys.executable, str(_HOST_SCRIPT)]
        words += ["--model", self.model, "--host", HOST, "--port", str(port)]
        words += ["--alias", self.served_name]
        for adapter in self.adapters:
            words += ["--lora", str(adapter.path)]
        if self.adapters:
            words.append("--lora-init-without-apply")
        return words + flags(self.args)

    async def read_version(self) -> str | None:
        """The wheel's, or what `/props` tells of the build."""
        if str(_HOST_SCRIPT) in self.command(0):
            return f"xllamacpp {version('xllamacpp')}"
        return await read_build(self.endpoint)

    def request_fields(self, adapter: Adapter | None) -> dict[str, Any]:
        """What a request carries to be answered by the base, or by one adapter alone."""
        if not self.adapters:
            return {}
        return {
            "lora": [
                {"id": n, "scale": 1.0 if known == adapter else 0.0}
                for n, known in enumerate(self.adapters)
            ]
        }


async def read_build(endpoint: Endpoint) -> str | None:
    """The build that a running llama.cpp tells; None where it does not."""
    told = (await endpoint.get("/props")).json
    build = told.get("build_info") if isinstance(told, dict) else None
    return str(build) if build else None
