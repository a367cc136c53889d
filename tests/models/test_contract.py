"""Every provider passes one suite; the API ones against a real HTTP server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_eval.models.anthropic_model import AnthropicModel
from llm_eval.models.api_model import APIModel
from llm_eval.models.base import BaseModel
from llm_eval.models.build import build_model
from llm_eval.models.caching import MemoryCache
from llm_eval.models.gguf_model import GGUFModel
from llm_eval.specs import ModelSpec
from llm_eval.testing import ModelContract, ScriptedModel, StubServer


class OnStub(ModelContract):
    provider = "openai"

    @pytest.fixture(autouse=True)
    def _serve(self) -> Iterator[None]:
        with StubServer().in_thread() as self.stub:
            yield

    @property
    def spec(self) -> ModelSpec:
        return ModelSpec(name="m", provider=self.provider, model="m-1", base_url=self.stub.url)


class TestChat(OnStub):
    def make(self) -> BaseModel:
        return APIModel(self.spec)


class TestCompletions(OnStub):
    def make(self) -> BaseModel:
        spec = self.spec
        return APIModel(
            ModelSpec(
                name="m", provider="openai", model="m-1", base_url=spec.base_url, api="completions"
            )
        )


class TestAnthropic(OnStub):
    provider = "anthropic"

    def make(self) -> BaseModel:
        return AnthropicModel(self.spec)


class TestAllLayers(OnStub):
    def make(self) -> BaseModel:
        return build_model(self.spec, cache=MemoryCache())


class TestScripted(ModelContract):
    def make(self) -> BaseModel:
        return ScriptedModel(["Paris"])


@pytest.mark.embedded
class TestGGUF(ModelContract):
    @pytest.fixture(autouse=True)
    def _file(self, embedded_model: Path) -> None:
        self.path = embedded_model

    def make(self) -> BaseModel:
        return GGUFModel("local/smollm2-135m", self.path, args={"n_ctx": 512, "n_parallel": 2})


del ModelContract, OnStub  # the suites above are the tests
