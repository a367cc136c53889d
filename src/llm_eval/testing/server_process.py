"""A test server as a process: it prints its URL and serves until SIGINT or SIGTERM."""

import argparse
import asyncio
import signal
from collections.abc import Callable, Collection
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


def share_of(names: Collection[str]) -> Callable[[str], tuple[str, float]]:
    """Reads an argument NAME=SHARE, where NAME is one of `names`."""

    def read(text: str) -> tuple[str, float]:
        name, _, share = text.partition("=")
        if name not in names:
            raise argparse.ArgumentTypeError(f"unknown fault {name!r}")
        return name, float(share)

    return read
