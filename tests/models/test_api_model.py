"""What is sent and what is understood, over a real socket."""

from collections.abc import Mapping
from typing import Any

import pytest

from llm_eval.errors import ConfigError
from llm_eval.models.api_model import APIModel, public_url
from llm_eval.specs import Capabilities, ModelSpec
from llm_eval.testing import Faults, StubServer
from llm_eval.testing.stub_replies import Asked
from llm_eval.types import Message, ModelResponse, Prompt, Sampling

PROMPT: Prompt = (Message("system", "Be short."), Message("user", "Capital of France?"))
SCHEMA: Mapping[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}


class Recorder:
    """Remembers the request bodies that a stub saw."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, asked: Asked) -> float:
        self.bodies.append(asked.body)
        return 0.0


async def ask(
    spec_fields: Mapping[str, Any] | None = None,
    sampling: Sampling = Sampling(),
    *,
    faults: Faults | None = None,
) -> tuple[ModelResponse, dict[str, Any]]:
    recorder = Recorder()
    async with StubServer(latency_s=recorder, faults=faults) as stub:
        fields = {"base_url": stub.url, **(spec_fields or {})}
        model = APIModel(ModelSpec(name="m", provider="openai", model="m-1", **fields))
        try:
            response = await model.generate(PROMPT, sampling)
        finally:
            await model.aclose()
    return response, recorder.bodies[0]


async def test_every_sampling_field_reaches_the_endpoint() -> None:
    _, body = await ask(
        sampling=Sampling(
            temperature=0.5,
            max_tokens=7,
            top_p=0.9,
            seed=3,
            stop=("\n",),
            json_schema=SCHEMA,
            top_logprobs=2,
        )
    )
    assert body["model"] == "m-1"
    assert body["messages"] == [{"role": m.role, "content": m.content} for m in PROMPT]
    assert (body["temperature"], body["max_tokens"], body["top_p"], body["seed"]) == (
        0.5,
        7,
        0.9,
        3,
    )
    assert body["stop"] == ["\n"]
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert (body["logprobs"], body["top_logprobs"]) == (True, 2)


async def test_what_is_not_asked_for_is_not_sent() -> None:
    _, body = await ask()
    assert set(body) == {"model", "messages", "temperature"}


async def test_declared_capabilities_shape_the_request() -> None:
    able = Capabilities(
        system_role=False,
        temperature=False,
        stop=False,
        seed=False,
        json_schema=False,
        logprobs=False,
        max_tokens_field="max_completion_tokens",
    )
    sampling = Sampling(
        max_tokens=7, seed=1, stop=("x",), json_schema=SCHEMA, top_logprobs=1, top_p=0.5
    )
    _, body = await ask({"capabilities": able}, sampling)
    assert body["messages"] == [{"role": "user", "content": "Be short.\n\nCapital of France?"}]
    assert body["max_completion_tokens"] == 7
    assert set(body) == {"model", "messages", "max_completion_tokens"}


async def test_a_model_named_like_a_reasoning_model_is_not_treated_as_one() -> None:
    recorder = Recorder()
    async with StubServer(latency_s=recorder) as stub:
        spec = ModelSpec(name="o1-mini", provider="openai", model="o1-mini", base_url=stub.url)
        model = APIModel(spec)
        await model.generate(PROMPT, Sampling(max_tokens=5))
        await model.aclose()
    assert recorder.bodies[0]["max_tokens"] == 5
    assert "temperature" in recorder.bodies[0]


async def test_plain_completions_send_one_prompt() -> None:
    response, body = await ask({"api": "completions"}, Sampling(top_logprobs=1))
    assert body["prompt"] == "Be short.\n\nCapital of France?"
    assert body["logprobs"] == 1
    assert response.text.startswith("reply ")
    assert response.logprobs[0].top == (("other", -1.5),)


async def test_logprobs_of_chat_are_read() -> None:
    response, _ = await ask(sampling=Sampling(top_logprobs=1))
    assert response.logprobs[0].token == "reply"
    assert response.logprobs[0].logprob == pytest.approx(-0.6931)


async def test_extra_arguments_are_sent_and_are_part_of_the_identity() -> None:
    _, body = await ask({"args": {"min_p": 0.1}})
    assert body["min_p"] == 0.1
    plain = ModelSpec(name="m", provider="openai", model="m", base_url="http://x/v1")
    extra = ModelSpec(
        name="m", provider="openai", model="m", base_url="http://x/v1", args={"min_p": 0.1}
    )
    assert APIModel(plain).fingerprint != APIModel(extra).fingerprint


async def test_a_refusal_is_a_reply_and_says_so() -> None:
    response, _ = await ask(faults=Faults(script=["refusal"]))
    assert response.finish_reason == "refusal"
    assert response.refusal == "I cannot help with that."
    assert response.text == ""


async def test_a_filtered_reply_keeps_its_finish_reason() -> None:
    response, _ = await ask(faults=Faults(script=["content_filter"]))
    assert response.finish_reason == "content_filter"


@pytest.mark.parametrize(
    ("fault", "text"),
    [("nul", "a\0b"), ("surrogate", "half \ufffd pair"), ("invalid_utf8", "caf\ufffd"),
     ("null_content", "")],
)  # fmt: skip
async def test_odd_text_arrives_without_a_crash(fault: str, text: str) -> None:
    response, _ = await ask(faults=Faults(script=[fault]))
    assert response.text == text


async def test_the_key_goes_into_the_header_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    async with StubServer(key="sk-secret") as stub:
        spec = ModelSpec(
            name="m", provider="openai", model="m", base_url=stub.url, api_key_env="MY_KEY"
        )
        model = APIModel(spec)
        response = await model.generate(PROMPT, Sampling())
        await model.aclose()
    assert response.text
    assert "sk-secret" not in repr(model.identity)


def test_the_hosted_api_without_a_key_is_refused_before_anything_is_spent() -> None:
    spec = ModelSpec(name="gpt", provider="openai", model="gpt-4o", api_key_env="OPENAI_API_KEY")
    with pytest.raises(ConfigError, match="set OPENAI_API_KEY"):
        APIModel.from_spec(spec)


def test_openai_base_url_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    model = APIModel.from_spec(ModelSpec(name="m", provider="openai", model="m"))
    assert model.identity["endpoint"] == "http://127.0.0.1:9/v1"


def test_an_identity_never_holds_credentials_of_the_url() -> None:
    assert public_url("https://me:pw@host:8/v1?key=1") == "https://host:8/v1"
