"""Models on servers: which share one, what they are, and what a dead server means."""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llm_eval.config import parse_spec
from llm_eval.errors import ConfigError, ProviderError
from llm_eval.models.base import BaseModel
from llm_eval.models.build import build_model
from llm_eval.models.served_model import ServedModel
from llm_eval.serving.pool import kept_servers
from llm_eval.serving.server import ServerOptions
from llm_eval.serving.vllm_server import VLLMServer
from llm_eval.testing import StubServer
from llm_eval.types import Message, Sampling
from tests.serving.conftest import Engine, keepers, kept, kill_engines, make_adapter, tensors

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")

PROMPT = (Message("user", "Hi"),)


def served(text: str, **fields: Any) -> BaseModel:
    return ServedModel.from_spec(replace(parse_spec(text, {}), **fields))


async def reply(model: BaseModel) -> str:
    return (await model.generate(PROMPT, Sampling())).text


async def ended(model: BaseModel) -> None:
    """Wait until the model's server is known to have ended."""
    assert isinstance(model, ServedModel)
    async with asyncio.timeout(20):
        while model._server is None or model._server.ended is None:  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.02)


def n_servers() -> int:
    return len(keepers(os.getpid()))


async def test_base_adapter_and_judge_share_one_server(
    engine: Engine, checkpoint: Path, adapter: Path
) -> None:
    base, tuned = served(f"vllm/{checkpoint}"), served(f"vllm/{checkpoint}:{adapter}")
    judge = served(f"vllm/{checkpoint}")
    models = [base, tuned, judge]
    await asyncio.gather(*(model.start() for model in models))
    try:
        assert n_servers() == 1
        assert await reply(base) == await reply(judge) == "base: Hi"
        assert (await reply(tuned)).startswith("tuned-")
        await base.aclose()
        await judge.aclose()
        assert n_servers() == 1
        assert (await reply(tuned)).startswith("tuned-")
    finally:
        for model in models:
            await model.aclose()
    assert n_servers() == 0


async def test_runs_one_after_another_keep_their_server(
    engine: Engine, checkpoint: Path, adapter: Path, tmp_path: Path
) -> None:
    base, tuned = served(f"vllm/{checkpoint}"), served(f"vllm/{checkpoint}:{adapter}")
    other = tmp_path / "other"
    shutil.copytree(checkpoint, other)
    elsewhere = served(f"vllm/{other}")
    async with kept_servers():
        await base.start()
        first = kept(os.getpid())
        await base.aclose()
        await tuned.start()
        assert kept(os.getpid()) == first
        await tuned.aclose()
        assert kept(os.getpid()) == first
        await elsewhere.start()  # it may need the memory that the idle one holds
        assert n_servers() == 1
        assert not kept(os.getpid()) & first
        await elsewhere.aclose()
    assert n_servers() == 0


async def test_options_that_differ_take_another_server(engine: Engine, checkpoint: Path) -> None:
    short = served(f"vllm/{checkpoint}", args={"max_model_len": 512})
    long = served(f"vllm/{checkpoint}", args={"max_model_len": 1024})
    try:
        await short.start()
        await long.start()
        assert n_servers() == 2
    finally:
        await short.aclose()
        await long.aclose()


async def test_a_server_that_ends_stops_the_run_and_says_why(
    engine: Engine, checkpoint: Path
) -> None:
    model = served(f"vllm/{checkpoint}")
    try:
        await model.start()
        kill_engines(os.getpid())
        await ended(model)
        with pytest.raises(ProviderError, match="exit code 137; it said last") as caught:
            await reply(model)
        assert caught.value.fatal
    finally:
        await model.aclose()


class TestIdentity:
    def identity(self, text: str, **fields: Any) -> Mapping[str, Any]:
        return served(text, **fields).identity

    def test_it_is_the_files_content_not_their_place(
        self, checkpoint: Path, adapter: Path, tmp_path: Path
    ) -> None:
        before = self.identity(f"vllm/{checkpoint}:{adapter}")
        moved = checkpoint.rename(tmp_path / "moved")
        assert self.identity(f"vllm/{moved}:{adapter}") == before
        assert str(tmp_path) not in str(before)

    def test_every_change_is_another_model(self, checkpoint: Path, adapter: Path) -> None:
        text = f"vllm/{checkpoint}:{adapter}"
        seen = [self.identity(text), self.identity(f"vllm/{checkpoint}")]
        seen.append(self.identity(text, args={"dtype": "bfloat16"}))
        further = make_adapter(adapter.with_name("further"), 8, b"trained further")
        seen.append(self.identity(f"vllm/{checkpoint}:{further}"))
        (checkpoint / "model.safetensors").write_bytes(tensors(b"others"))
        seen.append(self.identity(text))
        assert len({str(identity) for identity in seen}) == 5

    def test_a_name_is_known_by_its_revision(self) -> None:
        assert self.identity("vllm/org/model", revision="abc")["base"] == {
            "name": "org/model",
            "revision": "abc",
        }

    def test_what_only_changes_the_speed_is_left_out(self, checkpoint: Path) -> None:
        plain = self.identity(f"vllm/{checkpoint}")
        assert self.identity(f"vllm/{checkpoint}", args={"gpu_memory_utilization": 0.5}) == plain

    async def test_it_names_the_engines_release_once_that_is_known(
        self, engine: Engine, checkpoint: Path
    ) -> None:
        model = served(f"vllm/{checkpoint}")
        assert model.identity["engine"] is None
        await model.start()
        await model.aclose()
        assert model.identity["engine"] == "vllm 0.0-stub"


class TestBadInput:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("vllm//no/such/model", "is not there"),
            ("vllm/./model", "is not there"),
            ("llamacpp//no/such.gguf", "is not there"),
        ],
    )
    def test_a_missing_base(self, text: str, said: str) -> None:
        with pytest.raises(ConfigError, match=said):
            served(text)

    def test_a_missing_or_half_adapter(self, checkpoint: Path, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="is not there; name the directory"):
            served(f"vllm/{checkpoint}:{tmp_path}/none")
        half = make_adapter(tmp_path / "half", 8)
        weights = (half / "adapter_model.safetensors").read_bytes()
        (half / "adapter_model.safetensors").unlink()
        with pytest.raises(ConfigError, match=r"has no adapter_model\.safetensors"):
            served(f"vllm/{checkpoint}:{half}")
        (half / "adapter_model.safetensors").write_bytes(weights)
        (half / "adapter_config.json").write_text('{"r": ')
        with pytest.raises(ConfigError, match="cannot be read"):
            served(f"vllm/{checkpoint}:{half}")


class TestARunningServer:
    async def test_it_is_asked_what_it_serves_and_loads_the_adapter(
        self, engine: Engine, adapter: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        options = ServerOptions(grace_s=0.5, key="of-somebody-else")
        monkeypatch.setenv("VLLM_API_KEY", "of-somebody-else")
        async with VLLMServer("org/base", options=options, adapters=[]) as server:
            url = f"{server.endpoint.root}/v1"
            base = served(f"vllm/base@{url}")
            await base.start()
            assert await reply(base) == "base: Hi"
            assert base.identity["engine"] == "0.0-stub"
            await base.aclose()
            with pytest.raises(ConfigError, match=r"does not serve 'other'; it serves base"):
                await served(f"vllm/other@{url}").start()
            tuned = served(f"vllm/base:{adapter}@{url}")
            with pytest.raises(ConfigError, match="start it with --enable-lora"):
                await tuned.start()
            monkeypatch.setenv("VLLM_API_KEY", "wrong")
            with pytest.raises(ConfigError, match="set VLLM_API_KEY"):
                await served(f"vllm/base@{url}").start()

    async def test_an_adapter_is_another_model_than_its_base(
        self, engine: Engine, adapter: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine("--open")
        monkeypatch.setenv("VLLM_API_KEY", "any")
        server = VLLMServer("org/base", options=ServerOptions(grace_s=0.5))
        monkeypatch.setattr(server, "_check_that_it_is_ours", _nothing)
        async with server:
            tuned = served(f"vllm/base:{adapter}@{server.endpoint.root}/v1")
            await tuned.start()
            assert (await reply(tuned)).startswith("tuned-")
            assert tuned.identity["adapter"] is not None
            assert tuned.identity["model"] == "base"
            await tuned.aclose()

    async def test_nobody_there_is_one_line(self) -> None:
        with pytest.raises(ConfigError, match=r"does not answer: .*refused.*server running"):
            await served("vllm/base@http://127.0.0.1:9/v1").start()

    async def test_a_gateway_that_tells_no_release_still_serves(self) -> None:
        async with StubServer() as stub:
            model = served(f"vllm/stub-1@{stub.url}")
            await model.start()
            assert await reply(model)
            assert model.identity["engine"] is None
            await model.aclose()

    def test_llama_cpp_loads_no_adapter_later(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError):
            served("llamacpp/m:a.gguf@http://127.0.0.1:8080/v1")


async def _nothing() -> None:
    return None


async def test_built_as_a_run_builds_it_it_can_be_limited_and_retried(
    engine: Engine, checkpoint: Path
) -> None:
    model = build_model(parse_spec(f"vllm/{checkpoint}", {}))
    await model.start()
    try:
        replies = await asyncio.gather(*(model.generate(PROMPT, Sampling()) for _ in range(20)))
    finally:
        await model.aclose()
    assert {r.text for r in replies} == {"base: Hi"}


@pytest.mark.embedded
async def test_the_embedded_model_answers_from_a_process_of_its_own(
    embedded_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LLM_EVAL_LLAMA_SERVER", raising=False)
    options = {"ctx_size": 512, "parallel": 1}
    model = served("llamacpp/smollm2-135m", args=options)
    await model.start()
    try:
        asked = (Message("user", "What is the capital of France? Answer with one word."),)
        answer = await model.generate(asked, Sampling(max_tokens=24))
    finally:
        await model.aclose()
    assert "Paris" in answer.text
    assert str(embedded_model.parent) not in answer.model
    assert n_servers() == 0


async def test_an_adapter_that_nobody_has_any_more_is_no_hindrance(
    engine: Engine, checkpoint: Path, adapter: Path, tmp_path: Path
) -> None:
    old = make_adapter(tmp_path / "old", 8, b"older")
    forgotten = served(f"vllm/{checkpoint}:{old}")
    shutil.rmtree(old)
    tuned = served(f"vllm/{checkpoint}:{adapter}")
    await tuned.start()
    try:
        assert [known.path for known in tuned._server.adapters] == [adapter]  # type: ignore[attr-defined]
    finally:
        await tuned.aclose()
        await forgotten.aclose()
