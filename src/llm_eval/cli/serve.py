"""`llm-eval serve`: a model behind an OpenAI-compatible endpoint on this machine, until Ctrl-C.

llm-eval serve vllm/data/models/smollm2 --adapter data/lora_adapters/json_v1
llm-eval serve local/smollm2-135m --option parallel=2
"""

import argparse
import asyncio
import os
import secrets
import signal
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from llm_eval.cli.terminal import clean, notes, output, write_json
from llm_eval.config import load_models, parse_spec
from llm_eval.errors import ProviderError
from llm_eval.event_loop import in_own_loop
from llm_eval.models.served_model import server_of
from llm_eval.serving.server import START_S, ModelServer, ServerOptions
from llm_eval.specs import ModelSpec

KEY_VARIABLE = "LLM_EVAL_SERVE_KEY"
_LOOK_S = 0.2


def execute(args: argparse.Namespace) -> int:
    """Serve until a signal: 0. A server that ends by itself: 4."""
    spec = parse_spec(args.model, load_models())
    values = {name: _value(text) for name, text in args.option}
    spec = replace(spec, args={**spec.args, **values})
    with ExitStack() as stack:
        key, where = _key(stack)
        settings = ServerOptions(
            key=key,
            port=args.port,
            start_s=args.start_timeout or START_S,
            on_line=_log if args.log else None,
        )
        server = server_of(spec, args.adapter, settings)
        return in_own_loop(lambda: _serve(args, spec, server, where))


async def _serve(
    args: argparse.Namespace, spec: ModelSpec, server: ModelServer, where: dict[str, str]
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    starting = asyncio.ensure_future(server.__aenter__())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, _stop, stop, starting)
    notes().print(f"starting {server.engine} …")
    try:
        await starting
        _tell(args, spec, server, where)
        while not stop.is_set():
            if (ended := server.ended) is not None:
                raise ProviderError(ended, code="server_ended")
            await _wait(stop, _LOOK_S)
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    finally:
        await server.stop()
    notes().print("stopped")
    return 0


def _stop(stop: asyncio.Event, starting: "asyncio.Future[ModelServer]") -> None:
    stop.set()
    starting.cancel()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass


def _tell(
    args: argparse.Namespace, spec: ModelSpec, server: ModelServer, where: dict[str, str]
) -> None:
    """Where it is, what it serves, and where its key is; never the key."""
    base_url = f"{server.endpoint.root}/v1"
    names = [server.served_name, *(adapter.name for adapter in server.adapters)]
    engine = f"{server.engine} {server.version or ''}".strip()
    if args.json:
        write_json({"base_url": base_url, "models": names, "engine": engine, **where})
        return
    say = partial(output().print, soft_wrap=True)
    say(clean(f"{args.model} is served by {engine}"))
    say(f"  base URL  {base_url}")
    for label, name in zip(["models", *[""] * len(names)], names, strict=False):
        say(clean(f"  {label:8}  {name}"))
    file = where.get("key_file")
    say(f"  key       {f'in {file}' if file else f'the value of ${KEY_VARIABLE}'}")
    value = f'"$(cat {file})"' if file else f'"${KEY_VARIABLE}"'
    provider = "vllm" if spec.provider == "vllm" else "llamacpp"
    say(f"\n  export {server.key_variable}={value}")
    say(clean(f"  llm-eval run json --model {provider}/{names[-1]}@{base_url}"))
    say("\nCtrl-C stops it.")


def _log(line: str) -> None:
    notes().print(line, style="dim", soft_wrap=True)


def _key(stack: ExitStack) -> tuple[str, dict[str, str]]:
    """The key, and where people find it: the environment, else a file that only they can read."""
    if given := os.environ.get(KEY_VARIABLE):
        return given, {"key_env": KEY_VARIABLE}
    directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="llm-eval-serve-"))
    file, key = Path(directory) / "key", secrets.token_urlsafe(24)
    file.touch(mode=0o600)
    file.write_text(key)
    return key, {"key_file": str(file)}


def _value(text: str) -> Any:
    """A number or truth value where it is one, else the text."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
