"""A wire that misbehaves: between any client and any server, over TCP.

    async with ChaosProxy(stub.url, Wire({"reset": 0.1, "stall": 0.05}, seed=7)) as proxy:
        model = APIModel(ModelSpec(name="m", provider="openai", model="m", base_url=proxy.url))

    python -m llm_eval.testing.proxy http://127.0.0.1:8000/v1 --fault truncate=0.1

It knows nothing of HTTP: a fault meets a block of bytes on its way to the client, so it can hit
within a status line, a header or a body. The server has answered in full: what it meant and what
arrived are two things.
"""

import argparse
import asyncio
import random
import socket
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

from llm_eval.testing.server_process import add_faults, serve

FAULTS = {
    "reset": "part of the block comes, then the connection is reset",
    "truncate": "part of the block comes, then the connection ends in order",
    "stall": "part of the block comes, then nothing",
    "drip": "the block comes byte by byte",
    "corrupt": "one byte is another",
    "duplicate": "the block comes twice",
    "refuse": "the connection is reset before anything is sent to the server",
}
_BLOCK = 65536
_DRIP_PAUSE_S = 0.001


@dataclass(frozen=True, slots=True)
class Wire:
    """How often a block meets which fault, and how long bytes take."""

    shares: Mapping[str, float] = field(default_factory=dict)
    """By name; they add up to at most 1."""
    seed: int = 0
    delay_s: float = 0.0
    """Added to every block."""

    def __post_init__(self) -> None:
        """Refuse what is no fault.

        Raises:
            ValueError: an unknown name, or shares above 1.
        """
        for name in self.shares:
            if name not in FAULTS:
                raise ValueError(f"unknown fault {name!r}; known: {', '.join(FAULTS)}")
        if sum(self.shares.values()) > 1:
            raise ValueError(f"shares add up to {sum(self.shares.values())}, more than 1")


class ChaosProxy:
    """Listens on loopback and passes on what comes, or does not."""

    def __init__(self, target: str, wire: Wire = Wire(), *, port: int = 0) -> None:
        """Stand before `target`, a base URL; `port` 0 takes a free one."""
        self._target = urlsplit(target)
        self.wire = wire
        self.met: Counter[str] = Counter()
        """How often each fault happened."""
        self._draw = random.Random(wire.seed)  # noqa: S311 - no secret
        self._port = port
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The target's URL, through the proxy."""
        return urlunsplit(self._target._replace(netloc=f"127.0.0.1:{self._port}"))

    async def __aenter__(self) -> "ChaosProxy":
        """Listen."""
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cut every connection."""
        assert self._server is not None
        self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        try:
            await self._pass_on(reader, writer)
        except (OSError, asyncio.CancelledError):
            _reset(writer)
        finally:
            self._passing.discard(task)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._draws("refuse"):
            _reset(writer)
            return
        there = await asyncio.open_connection(self._target.hostname, self._target.port)
        asked = asyncio.create_task(_copy(reader, there[1]))
        try:
            while block := await there[0].read(_BLOCK):
                await asyncio.sleep(self.wire.delay_s)
                if not await self._deliver(block, writer):
                    break
        finally:
            asked.cancel()
            there[1].close()
            writer.close()

    async def _deliver(self, block: bytes, writer: asyncio.StreamWriter) -> bool:
        """Send a block as the wire will have it; whether the connection goes on."""
        fault = self._pick()
        place = self._draw.randrange(len(block))
        if fault in ("reset", "truncate", "stall"):
            writer.write(block[:place])
            await writer.drain()
            if fault == "reset":
                _reset(writer)
            elif fault == "stall":
                await asyncio.Event().wait()
            return False
        if fault == "drip":
            for n in range(len(block)):
                writer.write(block[n : n + 1])
                await writer.drain()
                await asyncio.sleep(_DRIP_PAUSE_S)
            return True
        if fault == "corrupt":
            other = bytes([block[place] ^ self._draw.randrange(1, 256)])
            block = block[:place] + other + block[place + 1 :]
        writer.write(2 * block if fault == "duplicate" else block)
        await writer.drain()
        return True

    def _draws(self, name: str) -> bool:
        met = self._draw.random() < self.wire.shares.get(name, 0.0)
        self.met[name] += met
        return met

    def _pick(self) -> str | None:
        draw = self._draw.random()
        for name, share in self.wire.shares.items():
            if name == "refuse":
                continue
            draw -= share
            if draw < 0:
                self.met[name] += 1
                return name
        return None


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Make the other side see ECONNRESET."""
    raw: socket.socket | None = writer.get_extra_info("socket")
    if raw is not None:
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()


def main() -> None:
    """Stand before a server until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m llm_eval.testing.proxy", description="A wire that misbehaves."
    )
    add = parser.add_argument
    add("target", metavar="URL", help="the base URL of the server")
    add("--port", type=int, default=0, help="0 takes a free one")
    add_faults(parser, FAULTS)
    add("--delay-ms", type=float, default=0.0, help="added to every block of bytes")
    add("--seed", type=int, default=0)
    args = parser.parse_args()
    wire = Wire(dict(args.fault), args.seed, args.delay_ms / 1000)
    asyncio.run(serve(ChaosProxy(args.target, wire, port=args.port)))


if __name__ == "__main__":
    main()
