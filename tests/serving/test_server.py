"""A server of ours is healthy or gone: started slowly, dying, hanging, cancelled, orphaned."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llm_eval.errors import ConfigError
from llm_eval.serving.endpoint import Endpoint
from llm_eval.serving.llama_server import LlamaServer
from llm_eval.serving.server import Adapter, ServerOptions, flags, free_port
from llm_eval.serving.vllm_server import VLLMServer
from tests.serving.conftest import Engine, alive, command_line, descendants, keepers, kept

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")

KEY = "a-key-that-is-easy-to-find"
SHORT = ServerOptions(key=KEY, grace_s=0.5, start_s=20)


async def chat(endpoint: Endpoint, model: str, **fields: object) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **fields}
    told = await endpoint.post("/v1/chat/completions", body)
    assert told.status == 200, told.message
    text: str = told.json["choices"][0]["message"]["content"]
    return text


async def test_it_is_healthy_inside_and_gone_after(engine: Engine) -> None:
    engine("--healthy-after", "0.5", "--hidden-children", "2")
    adapter = Adapter("tuned", Path("/a/tuned"), rank=20)
    async with VLLMServer("org/base", adapters=[adapter], options=SHORT) as server:
        ours = kept(os.getpid())
        assert len(ours) == 4  # keeper, server, and two in sessions of their own
        assert await chat(server.endpoint, server.served_name) == "base: Hi"
        assert await chat(server.endpoint, "tuned") == "tuned: Hi"
        assert server.version == "0.0-stub"
        assert (await Endpoint(server.endpoint.root).get("/v1/models")).status == 401
    assert [pid for pid in ours if alive(pid)] == []
    assert server.ended is not None


async def test_it_listens_on_loopback_only_and_nobody_sees_its_key(engine: Engine) -> None:
    lines: list[str] = []
    options = ServerOptions(key=KEY, grace_s=0.5, on_line=lines.append)
    async with VLLMServer("org/base", options=options) as server:
        ours = kept(os.getpid())
        listening = {address for pid in ours for address in listening_addresses(pid)}
        assert listening == {"0100007F"}  # 127.0.0.1, as /proc writes it
        assert not any(KEY.encode() in command_line(pid) for pid in ours)
        assert KEY not in repr(server.endpoint)
    assert "the key is [key]" in lines
    assert not any(KEY in line for line in lines)


def listening_addresses(pid: int) -> set[str]:
    links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {link.removeprefix("socket:[").rstrip("]") for link in links}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    rows += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


async def test_two_servers_never_have_the_same_key(engine: Engine) -> None:
    keys = {VLLMServer("m").endpoint.key, VLLMServer("m").endpoint.key}
    assert len(keys) == 2
    assert all(key and len(key) >= 32 for key in keys)


async def test_keys_of_others_do_not_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody")
    assert "sk-of-somebody" not in VLLMServer("m").environment().values()


async def test_one_that_dies_at_start_shows_its_log(engine: Engine) -> None:
    engine("--die-after", "0.1")
    with pytest.raises(ConfigError, match="exit code 3") as caught:
        async with VLLMServer("org/base", options=SHORT):
            pass
    assert "ValueError: no memory for the weights" in str(caught.value)
    assert KEY not in str(caught.value)
    assert kept(os.getpid()) == set()


async def test_one_that_never_gets_healthy_is_given_up_in_time(engine: Engine) -> None:
    engine("--healthy-after", "600", "--ignore-sigterm")
    started = time.monotonic()
    with pytest.raises(ConfigError, match=r"not healthy in 0\.5 s"):
        async with VLLMServer("m", options=ServerOptions(start_s=0.5, grace_s=0.3)):
            pass
    assert time.monotonic() - started < 10
    assert kept(os.getpid()) == set()


async def test_one_that_ignores_sigterm_is_killed(engine: Engine) -> None:
    engine("--ignore-sigterm", "--hidden-children", "1")
    async with VLLMServer("m", options=SHORT):
        ours = kept(os.getpid())
    assert [pid for pid in ours if alive(pid)] == []


async def test_a_failure_inside_stops_it_too(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError):
        async with VLLMServer("m", options=SHORT):
            raise ZeroDivisionError
    assert kept(os.getpid()) == set()


@pytest.mark.parametrize("healthy_after", ["0", "600"])
async def test_cancelled_at_any_time_it_stops(engine: Engine, healthy_after: str) -> None:
    engine("--healthy-after", healthy_after)

    async def serve() -> None:
        async with VLLMServer("m", options=SHORT):
            await asyncio.sleep(600)

    task = asyncio.create_task(serve())
    await asyncio.sleep(0.6)
    assert kept(os.getpid())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert kept(os.getpid()) == set()


OWNER = """
import asyncio, sys
from llm_eval.serving.server import ServerOptions
from llm_eval.serving.vllm_server import VLLMServer

async def main():
    async with VLLMServer("m", options=ServerOptions(grace_s=0.5)):
        print("up", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("number", "words"), [(signal.SIGKILL, ["--ignore-sigterm"]), (signal.SIGINT, [])], ids=str
)
def test_it_does_not_outlive_its_owner(
    engine: Engine, number: signal.Signals, words: list[str]
) -> None:
    engine("--hidden-children", "1", *words)
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        ours = kept(owner.pid)
        assert len(ours) == 3
        owner.send_signal(number)
        owner.wait(20)
        assert gone(ours)


async def test_it_does_not_outlive_its_keeper(engine: Engine) -> None:
    async with VLLMServer("m", options=SHORT):
        (keeper,) = keepers(os.getpid())
        ours = descendants(keeper)
        os.kill(keeper, signal.SIGKILL)
        assert gone(ours)


def gone(pids: set[int], within_s: float = 10.0) -> bool:
    end = time.monotonic() + within_s
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.02)
    return not any(map(alive, pids))


async def test_a_port_that_is_taken_is_tried_elsewhere_and_not_for_ever(engine: Engine) -> None:
    engine("--port-taken")
    with pytest.raises(ConfigError, match=r"no free port on 127\.0\.0\.1 in 3 tries"):
        async with VLLMServer("m", options=SHORT):
            pass


async def test_a_server_that_takes_any_key_is_not_ours(engine: Engine) -> None:
    engine("--open")
    with pytest.raises(ConfigError, match="is not the vllm that was started"):
        async with VLLMServer("m", options=SHORT):
            pass


async def test_adapters_are_loaded_while_it_runs(engine: Engine) -> None:
    first, second = Adapter("one", Path("/a/1"), 8), Adapter("two", Path("/a/2"), 4)
    async with VLLMServer("m", adapters=[first], options=SHORT) as server:
        assert server.can_serve([second])
        assert not server.can_serve([Adapter("big", Path("/a/3"), 64)])
        await server.load(second)
        await server.load(second)
        assert await chat(server.endpoint, "two") == "two: Hi"


async def test_a_server_without_adapters_says_why_it_takes_none(engine: Engine) -> None:
    async with VLLMServer("m", options=SHORT) as server:
        assert not server.can_serve([Adapter("one", Path("/a/1"))])
        with pytest.raises(ConfigError, match="start it with --enable-lora"):
            await server.load(Adapter("one", Path("/a/1")))


async def test_a_refused_adapter_tells_the_engines_reason(engine: Engine) -> None:
    engine("--refuse-adapters")
    async with VLLMServer("m", adapters=[Adapter("one", Path("/a"))], options=SHORT) as server:
        with pytest.raises(ConfigError, match="rank 99 is more than 8"):
            await server.load(Adapter("two", Path("/b")))


async def test_llama_cpp_serves_the_same_way(engine: Engine) -> None:
    adapters = [Adapter("one", Path("/a/1.gguf")), Adapter("two", Path("/a/2.gguf"))]
    async with LlamaServer("/m/base.gguf", adapters=adapters, options=SHORT) as server:
        name = server.served_name
        assert server.version == "b0-stub"
        assert await chat(server.endpoint, name, **server.request_fields(None)) == "base: Hi"
        two = server.request_fields(adapters[1])
        assert await chat(server.endpoint, name, **two) == "lora 1: Hi"
        with pytest.raises(ConfigError, match="only when it starts"):
            await server.load(Adapter("three", Path("/a/3.gguf")))
    assert kept(os.getpid()) == set()


def test_options_become_words() -> None:
    words = flags({"max_model_len": 512, "enforce_eager": True, "prefix": False, "x": None})
    assert words == ["--max-model-len", "512", "--enforce-eager", "--no-prefix"]
    assert flags({"a": [1, 2], "b": {"c": 3}}) == ["--a", "1", "2", "--b", '{"c": 3}']


@pytest.mark.parametrize("name", ["host", "--port", "api-key", "trust_remote_code"])
def test_options_that_would_open_it_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be set"):
        VLLMServer("m", options=ServerOptions(args={name: "1"}))


def test_a_missing_engine_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("LLM_EVAL_VLLM", raising=False)
    with pytest.raises(ConfigError, match="set LLM_EVAL_VLLM to its `vllm`"):
        VLLMServer("m").command(1)
    monkeypatch.setenv("LLM_EVAL_VLLM", "/no/such/vllm")
    with pytest.raises(ConfigError, match="there is no such program"):
        VLLMServer("m").command(1)


def test_a_rank_that_vllm_does_not_know_is_rounded_up_or_refused() -> None:
    def words(rank: int) -> list[str]:
        return VLLMServer("m", adapters=[Adapter("a", Path("/a"), rank)])._lora_words()

    assert words(20)[:3] == ["--enable-lora", "--max-lora-rank", "32"]
    with pytest.raises(ConfigError, match="up to 512, not 513"):
        words(513)


def test_ports_are_free() -> None:
    assert len({free_port() for _ in range(5)}) > 1
