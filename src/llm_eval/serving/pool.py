"""Servers that are running, shared by all who need the same: a base and its adapters, two judges.

server = await acquire(("vllm", "/models/smollm2", args), adapters, make)
…
await release(server)       # the last one stops it

async with kept_servers():  # several runs one after another: a server waits for the next
…
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from llm_eval.serving.server import Adapter, ModelServer

Make = Callable[[Sequence[Adapter]], ModelServer]
"""A server, not started, that serves these adapters."""


@dataclass(slots=True)
class _Shared:
    key: Hashable
    server: ModelServer
    n_users: int = 0


@dataclass(slots=True)
class _Pool:
    """What runs in one event loop."""

    shared: list[_Shared] = field(default_factory=list)
    n_keepers: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


_pools: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool]" = WeakKeyDictionary()


async def acquire(key: Hashable, adapters: Sequence[Adapter], make: Make) -> ModelServer:
    """A healthy server of `key` that serves `adapters`: a running one, else a new one.

    Args:
        key: engine, base and options: what two servers must share to be one.
        adapters: what requests will name; those that are needed later in the same run too.
        make: makes the server where none is running.

    Raises:
        ConfigError: it cannot be started, or an adapter cannot be loaded.
    """
    pool = _pool()
    async with pool.lock:
        for shared in pool.shared:
            fits = shared.key == key and shared.server.ended is None
            if fits and shared.server.can_serve(adapters):
                for adapter in adapters:
                    await shared.server.load(adapter)
                shared.n_users += 1
                return shared.server
        await _stop_idle(pool)  # two servers rarely fit into one machine
        server = await make(adapters).__aenter__()
        pool.shared.append(_Shared(key, server, n_users=1))
        return server


async def release(server: ModelServer) -> None:
    """One who acquired it needs it no more."""
    pool = _pool()
    for shared in pool.shared:
        if shared.server is server:
            shared.n_users -= 1
    if not pool.n_keepers:
        async with pool.lock:
            await _stop_idle(pool)


@asynccontextmanager
async def kept_servers() -> AsyncIterator[None]:
    """Inside, a server that nobody uses waits for its next user, unless another one is needed."""
    pool = _pool()
    pool.n_keepers += 1
    try:
        yield
    finally:
        pool.n_keepers -= 1
        if not pool.n_keepers:
            await _stop_idle(pool)


def _pool() -> _Pool:
    return _pools.setdefault(asyncio.get_running_loop(), _Pool())


async def _stop_idle(pool: _Pool) -> None:
    idle = [shared for shared in pool.shared if shared.n_users <= 0]
    pool.shared = [shared for shared in pool.shared if shared.n_users > 0]
    try:
        for shared in idle:
            await shared.server.stop()
    finally:
        for shared in idle:  # also where the first stop was cancelled
            if shared.server.child is not None:
                shared.server.child.release()
