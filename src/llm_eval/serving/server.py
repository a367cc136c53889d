"""A model server of ours: a child process on loopback, behind a random key, healthy or gone.

async with VLLMServer("data/models/smollm2", adapters=[Adapter("json_v1", path)]) as server:
server.endpoint.root        # http://127.0.0.1:49152
server.served_name          # what to call the base in a request
"""

import asyncio
import json
import os
import secrets
import shlex
import shutil
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from llm_eval.errors import ConfigError
from llm_eval.serving.child import Child
from llm_eval.serving.endpoint import Endpoint

HOST = "127.0.0.1"
START_S = 900.0
"""Longest wait for health: a large model is read, compiled and warmed up."""
_LOOK_S = 0.1
_PORT_TRIES = 3
_PORT_TAKEN = ("address already in use", "errno 98", "couldn't bind", "could not bind")
_RESERVED = ("host", "port", "api_key", "uds", "root_path", "trust_remote_code", "middleware")
"""Options that are ours, or that would open the server or run somebody's code."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """LoRA weights to serve beside the base."""

    name: str
    """What to call it in a request."""
    path: Path
    rank: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How to start a server, whatever its engine."""

    args: Mapping[str, Any] | None = None
    """Options of the engine, as models.yaml has them: `{max_model_len: 1024}`."""
    key: str | None = None
    """None: a random one."""
    port: int | None = None
    """None: a free one."""
    start_s: float = START_S
    grace_s: float = 10.0
    """Seconds between SIGTERM and SIGKILL."""
    on_line: Callable[[str], None] | None = None
    """Told every line of the server's output, from a thread."""


class ModelServer(ABC):
    """Started by `async with`, healthy inside it, gone after it, whatever happens."""

    engine: ClassVar[str]
    """Its name in messages and identities."""
    key_variable: ClassVar[str]
    """The environment variable that the engine reads its key from."""

    def __init__(
        self,
        model: str,
        *,
        adapters: Sequence[Adapter] = (),
        options: ServerOptions = ServerOptions(),
    ) -> None:
        """Describe the server.

        Args:
            model: a path, or the name that the engine fetches it by.
            adapters: served from the start.
            options: everything else.

        Raises:
            ConfigError: an option is one that is not yours to set.
        """
        self.model = model
        self.adapters: tuple[Adapter, ...] = tuple(adapters)
        self.options = options
        self.args: Mapping[str, Any] = dict(options.args or {})
        for name in self.args:
            if name.strip("-").replace("-", "_") in _RESERVED:
                raise ConfigError(
                    f"{self.engine}: option {name!r} cannot be set: a server of ours listens on "
                    "loopback, behind its own key, and runs no code of a model's"
                )
        self.endpoint = Endpoint("", options.key or secrets.token_urlsafe(24))
        self.version: str | None = None
        """The engine's release, once it is healthy."""
        self.child: Child | None = None

    @property
    def served_name(self) -> str:
        """What to call the base in a request."""
        return Path(self.model).name or self.model

    @property
    def ended(self) -> str | None:
        """How it ended and what it said last; None while it runs."""
        if self.child is None or (code := self.child.exit_code) is None:
            return None
        return f"{self.engine} ended with exit code {code}; it said last:\n{self.child.tail()}"

    async def __aenter__(self) -> Self:
        """Start it and wait until it is healthy.

        Raises:
            ConfigError: it cannot be started, ends, or is not healthy in time; the message ends
                with the last lines of its log.
        """
        try:
            await self._come_up()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        await self.stop()

    async def stop(self) -> None:
        """End the process and all that it started. Cancelled or not, it ends."""
        if self.child is not None:
            await self.child.stop()

    def can_serve(self, adapters: Iterable[Adapter]) -> bool:
        """Whether requests may name these adapters, now or after `load`."""
        return set(adapters) <= set(self.adapters)

    async def load(self, adapter: Adapter) -> None:
        """Serve one more adapter.

        Raises:
            ConfigError: the engine cannot, or refuses it.
        """
        if adapter not in self.adapters:
            raise ConfigError(f"{self.engine} takes adapters only when it starts")

    @abstractmethod
    def command(self, port: int) -> list[str]:
        """Program and arguments, without the key.

        Raises:
            ConfigError: the engine is not installed; names the remedy.
        """

    @abstractmethod
    async def read_version(self) -> str | None:
        """The engine's release, asked from the server."""

    def environment(self) -> dict[str, str]:
        """Ours without the keys of others, and the server's own key."""
        kept = {n: v for n, v in os.environ.items() if not n.endswith("_API_KEY")}
        return {**kept, self.key_variable: self.endpoint.key or "", "DO_NOT_TRACK": "1"}

    async def _come_up(self) -> None:
        for _ in range(_PORT_TRIES):
            if await self._start():
                return
        raise ConfigError(f"{self.engine}: no free port on {HOST} in {_PORT_TRIES} tries")

    async def _start(self) -> bool:
        """Whether it came up; False where somebody took the port before it did."""
        port = self.options.port or free_port()
        self.endpoint = Endpoint(f"http://{HOST}:{port}", self.endpoint.key)
        self.child = Child(
            self.command(port),
            environment=self.environment(),
            secrets=(self.endpoint.key or "",),
            grace_s=self.options.grace_s,
            on_line=self.options.on_line,
        )
        self.child.start()
        await self._wait_until_healthy()
        if (ended := self.ended) is not None:
            await self.child.stop()
            if self.options.port is None and any(w in ended.lower() for w in _PORT_TAKEN):
                return False
            raise ConfigError(f"model {self.model!r}: {ended}")
        await self._check_that_it_is_ours()
        self.version = await self.read_version()
        return True

    async def _wait_until_healthy(self) -> None:
        """Until it is, or has ended."""
        assert self.child is not None
        loop = asyncio.get_running_loop()
        end = loop.time() + self.options.start_s
        while self.child.exit_code is None:
            if (await self.endpoint.get("/health")).status == 200:
                return
            if loop.time() > end:
                raise ConfigError(
                    f"model {self.model!r}: {self.engine} was not healthy in "
                    f"{self.options.start_s:g} s; it said last:\n{self.child.tail()}"
                )
            await asyncio.sleep(_LOOK_S)

    async def _check_that_it_is_ours(self) -> None:
        """It answers to the key, and to nothing else: no other process holds the port."""
        told = await self.endpoint.get("/v1/models")
        without = await Endpoint(self.endpoint.root).get("/v1/models")
        if told.status != 200 or without.status not in (401, 403):
            raise ConfigError(
                f"model {self.model!r}: what answers at {self.endpoint.root} is not the "
                f"{self.engine} that was started (HTTP {told.status} with its key, "
                f"{without.status} without)"
            )


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def program(variable: str, name: str) -> list[str] | None:
    """The words of `$variable`, else `name` where it is on the path."""
    if given := os.environ.get(variable):
        words = shlex.split(given)
        if not words or shutil.which(words[0]) is None:
            raise ConfigError(f"{variable} is {given!r}, and there is no such program")
        return words
    found = shutil.which(name)
    return None if found is None else [found]


def flags(args: Mapping[str, Any]) -> list[str]:
    """Options as words: `{max_model_len: 512, enforce_eager: true}` → `--max-model-len 512 …`."""
    words: list[str] = []
    for name, value in args.items():
        flag = "--" + name.strip("-").replace("_", "-")
        if value is True:
            words.append(flag)
        elif value is False:
            words.append(f"--no-{flag[2:]}")
        elif isinstance(value, list):
            words += [flag, *map(str, value)]
        elif isinstance(value, Mapping):
            words += [flag, json.dumps(value)]
        elif value is not None:
            words += [flag, str(value)]
    return words
