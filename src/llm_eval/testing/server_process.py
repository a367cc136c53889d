"""A test server as a process: it prints its URL and serves until SIGINT or SIGTERM."""

import argparse
import asyncio
import signal
from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Serving(Protocol):
    """What is told of a server that listens."""

    @property
    def url(self) -> str:
        """Where."""


async def serve(server: AbstractAsyncContextManager[Serving]) -> None:
    """Serve until a signal."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with server as listening:
        print(listening.url, flush=True)  # noqa: T201 - whoever started us reads it
        await stop.wait()


def add_faults(parser: argparse.ArgumentParser, names: Collection[str]) -> None:
    """An option that says how often each of `names` happens; it gives pairs of both."""

    def read(text: str) -> tuple[str, float]:
        name, _, share = text.partition("=")
        if name not in names:
            raise argparse.ArgumentTypeError(f"unknown fault {name!r}")
        return name, float(share)

    parser.add_argument(
        "--fault",
        type=read,
        action="append",
        default=[],
        metavar="NAME=SHARE",
        help=f"how often what goes wrong: {', '.join(names)}",
    )
