"""Every way a call can fail has a name, and only what can pass is worth another try."""

import pytest

from llm_eval.errors import ProviderError
from llm_eval.models.anthropic_model import AnthropicModel
from llm_eval.models.api_model import APIModel
from llm_eval.models.base import BaseModel
from llm_eval.specs import Limits, ModelSpec
from llm_eval.testing import Faults, StubServer
from llm_eval.types import Message, Sampling

PROMPT = (Message("user", "hello"),)
IMPATIENT = Limits(
    connect_s=1.0, first_byte_s=0.3, idle_s=0.3, total_s=1.0, max_response_bytes=1_000_000
)
MODELS: dict[str, type[APIModel] | type[AnthropicModel]] = {
    "openai": APIModel,
    "anthropic": AnthropicModel,
}


def make(provider: str, base_url: str, limits: Limits = IMPATIENT) -> BaseModel:
    spec = ModelSpec(name="m", provider=provider, model="m", base_url=base_url, limits=limits)
    return MODELS[provider](spec)


async def failure(fault: str, provider: str = "openai") -> ProviderError:
    async with StubServer(faults=Faults(script=[fault], retry_after_s=7)) as stub:
        model = make(provider, stub.url)
        try:
            with pytest.raises(ProviderError) as caught:
                await model.generate(PROMPT, Sampling())
        finally:
            await model.aclose()
    return caught.value


@pytest.mark.parametrize("provider", MODELS)
@pytest.mark.parametrize(
    ("fault", "code", "retryable", "fatal"),
    [
        ("400", "bad_request", False, False),
        ("401", "auth", False, True),
        ("403", "auth", False, True),
        ("404", "not_found", False, True),
        ("408", "timeout", True, False),
        ("409", "conflict", True, False),
        ("413", "too_long", False, False),
        ("422", "bad_request", False, False),
        ("429", "rate_limit", True, False),
        ("500", "server_error", True, False),
        ("502", "server_error", True, False),
        ("503", "server_error", True, False),
        ("504", "server_error", True, False),
        ("529", "overloaded", True, False),
        ("hang", "first_byte_timeout", True, False),
        ("stall", "idle_timeout", True, False),
        ("reset", "connection", True, False),
        ("reset_headers", "connection", True, False),
        ("reset_body", "truncated", True, False),
        ("short", "truncated", True, False),
        ("truncated_json", "bad_reply", True, False),
        ("html", "bad_reply", True, False),
        ("empty_body", "bad_reply", True, False),
        ("wrong_types", "bad_reply", True, False),
        ("redirect", "redirect", False, True),
        ("huge", "too_large", False, False),
    ],
)
async def test_a_failed_call_says_what_happened(
    fault: str, code: str, retryable: bool, fatal: bool, provider: str
) -> None:
    error = await failure(fault, provider)
    assert (error.code, error.retryable, error.fatal) == (code, retryable, fatal)
    assert "\n" not in str(error)


@pytest.mark.parametrize("fault", ["error_json", "empty_choices"])
async def test_status_200_without_an_answer_is_no_answer(fault: str) -> None:
    assert (await failure(fault)).retryable


async def test_retry_after_is_carried_to_the_retry_layer() -> None:
    assert (await failure("429")).retry_after_s == 7


async def test_nobody_listening_is_a_connection_error() -> None:
    async with StubServer() as stub:
        url = stub.url
    model = make("openai", url)
    with pytest.raises(ProviderError) as caught:
        await model.generate(PROMPT, Sampling())
    await model.aclose()
    assert (caught.value.code, caught.value.retryable) == ("connection", True)


async def test_a_host_without_a_name_is_a_dns_error() -> None:
    model = make("openai", "http://no-such-host.invalid/v1")
    with pytest.raises(ProviderError) as caught:
        await model.generate(PROMPT, Sampling())
    await model.aclose()
    assert caught.value.code == "dns"


async def test_plain_http_behind_https_is_a_tls_error() -> None:
    async with StubServer() as stub:
        model = make("openai", stub.url.replace("http://", "https://"))
        with pytest.raises(ProviderError) as caught:
            await model.generate(PROMPT, Sampling())
        await model.aclose()
    assert (caught.value.code, caught.value.retryable) == ("tls", False)
