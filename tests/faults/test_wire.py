"""Whatever the wire does to a reply on its way, what is kept is what the endpoint said."""

import asyncio
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import pytest

from llm_eval.evaluation import Built, Request, prepare
from llm_eval.execution import Evaluation, execute_plan
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.build import build_model
from llm_eval.specs import ModelSpec
from llm_eval.testing import ChaosProxy, StubServer, Wire
from tests.faults.test_oracle import LIMITS, N, answer, check_against
from tests.test_runner import Numbers

HARMLESS = {"drip": Wire({"drip": 0.05}), "slow": Wire(delay_s=0.01)}
BROKEN = {
    "resets": Wire({"reset": 0.15, "refuse": 0.1}),
    "cuts": Wire({"truncate": 0.1}),
    "silence": Wire({"stall": 0.05}),
    "twice": Wire({"duplicate": 0.2}),
    "everything at once": Wire(
        {"reset": 0.05, "truncate": 0.05, "stall": 0.02, "drip": 0.05, "duplicate": 0.05}
    ),
}


async def through(wire: Wire, storage: MetricsStorage, stub: StubServer) -> Evaluation:
    async with stub, ChaosProxy(stub.url, wire) as proxy:
        limits = replace(LIMITS, max_attempts=30)
        spec = ModelSpec(name="m", provider="openai", model="m", base_url=proxy.url, limits=limits)
        model, task = build_model(spec), Numbers(n=N)
        request = Request(task=task.name, model="m", concurrency=16)
        plan = prepare(request, storage, Built(task=task, model=model))
        ended = await execute_plan(plan, storage)
        assert not wire.shares or proxy.met.total() > 0
    return ended


@pytest.mark.parametrize("name", [*HARMLESS, *BROKEN])
async def test_a_run_over_a_bad_wire_ends_complete(name: str, storage: MetricsStorage) -> None:
    stub = StubServer(answer)
    ended = await through((HARMLESS | BROKEN)[name], storage, stub)
    check_against(stub, ended)
    assert ended.status == "complete"
    assert ended.metrics["exact_match"].n_failed == 0


async def test_a_byte_that_is_another_is_no_crash(storage: MetricsStorage) -> None:
    """HTTP over TCP has no checksum of its own: within a text nobody can tell. The rest is told."""
    stub = StubServer(answer)
    ended = await through(Wire({"corrupt": 0.3}), storage, stub)
    results = list(ended.results())
    assert [result.index for result in results] == list(range(N))
    assert all(result.response or result.failure for result in results)
    assert storage.check() == []


async def test_the_same_seed_meets_the_same_faults() -> None:
    met = []
    for _ in range(2):
        async with StubServer() as stub, ChaosProxy(stub.url, Wire({"reset": 0.5}, 3)) as proxy:
            for _ in range(10):
                reader, writer = await asyncio.open_connection("127.0.0.1", proxy._port)
                writer.write(b"GET /stats HTTP/1.1\r\n\r\n")
                with suppress(ConnectionError, asyncio.IncompleteReadError):
                    await asyncio.wait_for(reader.readuntil(b"}"), 5)
                writer.close()
            met.append(dict(proxy.met))
    assert met[0] == met[1]
    assert 0 < met[0]["reset"] < 10


def test_unknown_faults_are_refused() -> None:
    with pytest.raises(ValueError, match="known: reset, truncate"):
        Wire({"gremlin": 0.1})
    with pytest.raises(ValueError, match="more than 1"):
        Wire({"reset": 0.6, "stall": 0.6})


def test_it_is_a_command() -> None:
    with StubServer().in_thread() as stub:
        command = [sys.executable, "-m", "llm_eval.testing.proxy", stub.url, "--fault", "drip=0.1"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            process.terminate()
            assert process.wait(10) == 0
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/v1")
    assert url != stub.url
