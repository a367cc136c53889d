"""Anthropic's Messages API.

    POST {base_url}/v1/messages   {"model": …, "system": "…", "messages": […], "max_tokens": 1024}

A JSON Schema is asked for by forcing a tool whose input is the answer.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from llm_eval.errors import ConfigError
from llm_eval.models.api_model import public_url
from llm_eval.models.base import BaseModel
from llm_eval.models.http_errors import http_error, no_answer
from llm_eval.models.json_body import decode_body
from llm_eval.models.transport import Headers, HTTPReply, Transport
from llm_eval.specs import ModelSpec
from llm_eval.types import ModelResponse, Prompt, Sampling, Usage

DEFAULT_BASE_URL = "https://api.anthropic.com"
API_VERSION = "2023-06-01"
DEFAULT_MAX_TOKENS = 1024
"""The API demands a limit; this stands where neither task nor configuration gives one."""
_TOOL = "answer"
_FINISH = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "stop"}


class AnthropicModel(BaseModel):
    """One Claude model, or one behind an endpoint that speaks the same API."""

    def __init__(self, spec: ModelSpec) -> None:
        self.name = spec.name
        self._spec = spec
        given = spec.base_url or os.environ.get("ANTHROPIC_BASE_URL") or DEFAULT_BASE_URL
        self._base_url = given.removesuffix("/v1")
        self._transport = Transport(self._base_url, spec.limits, self._headers)
        self.on_headers: Callable[[Headers], None] | None = None
        """Told the headers of every reply: they carry the provider's rate limits."""

    @classmethod
    def from_spec(cls, spec: ModelSpec) -> "AnthropicModel":
        """The model that `spec` describes.

        Raises:
            ConfigError: the key is missing, and the hosted API or the configuration needs it.
        """
        model = cls(spec)
        if model._key() is None and (spec.key_required or model._base_url == DEFAULT_BASE_URL):
            raise ConfigError(spec.missing_key())
        return model

    @property
    def identity(self) -> Mapping[str, Any]:
        """Provider, model, endpoint without credentials, API version and arguments."""
        return {
            "provider": self._spec.provider,
            "model": self._spec.model,
            "revision": self._spec.revision,
            "endpoint": public_url(self._base_url),
            "api": API_VERSION,
            "args": self._spec.args,
        }

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """One call."""
        body = msgspec.json.encode(self._body(messages, sampling))
        reply = await self._transport.post("/v1/messages", body)
        if self.on_headers is not None:
            self.on_headers(reply.headers)
        if reply.status != 200:
            raise http_error(reply, self.name, self._key())
        return self._parse(reply)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def _key(self) -> str | None:
        return os.environ.get(self._spec.api_key_env or "ANTHROPIC_API_KEY", "").strip() or None

    def _headers(self) -> dict[str, str]:
        headers = {
            "content-type": "application/json",
            "anthropic-version": API_VERSION,
            **self._spec.headers,
        }
        if key := self._key():
            headers["x-api-key"] = key
        return headers

    def _body(self, messages: Prompt, sampling: Sampling) -> dict[str, Any]:
        able = self._spec.capabilities
        body: dict[str, Any] = {
            "model": self._spec.model,
            "max_tokens": sampling.max_tokens or DEFAULT_MAX_TOKENS,
            "messages": [m for m in messages if m.role != "system"],
        }
        if system := "\n\n".join(m.content for m in messages if m.role == "system"):
            body["system"] = system
        if able.temperature:
            body["temperature"] = sampling.temperature
            if sampling.top_p is not None:
                body["top_p"] = sampling.top_p
        if sampling.stop and able.stop:
            body["stop_sequences"] = sampling.stop
        if sampling.json_schema is not None and able.json_schema:
            body["tools"] = [{"name": _TOOL, "input_schema": sampling.json_schema}]
            body["tool_choice"] = {"type": "tool", "name": _TOOL}
        return body | dict(self._spec.args)

    def _parse(self, reply: HTTPReply) -> ModelResponse:
        try:
            message = decode_body(reply.body, _decoder)
        except msgspec.ValidationError as exc:
            raise no_answer("bad_reply", f"no message: {exc}", self.name, reply.body) from exc
        except ValueError as exc:
            raise no_answer("bad_reply", "the reply is no JSON", self.name, reply.body) from exc
        usage = message.usage
        refused = message.stop_reason == "refusal"
        text = "".join(map(_text, message.content))
        return ModelResponse(
            text=text,
            model=message.model or self._spec.model,
            finish_reason=_FINISH.get(message.stop_reason or "", message.stop_reason or "stop"),
            usage=Usage(
                usage.input_tokens
                + usage.cache_read_input_tokens
                + usage.cache_creation_input_tokens,
                usage.output_tokens,
                usage.cache_read_input_tokens,
            ),
            latency_s=reply.latency_s,
            refusal=(text or "refused") if refused else None,
            reasoning="".join(block.thinking or "" for block in message.content) or None,
            response_id=message.id,
        )


class _Block(msgspec.Struct):
    type: str
    text: str | None = None
    thinking: str | None = None
    input: Any = None


class _Usage(msgspec.Struct, frozen=True):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0


class _Reply(msgspec.Struct):
    content: list[_Block]
    stop_reason: str | None = None
    model: str | None = None
    id: str | None = None
    usage: _Usage = _Usage()


_decoder = msgspec.json.Decoder(_Reply)


def _text(block: _Block) -> str:
    """Text as it is; the forced tool's input as JSON."""
    if block.type == "tool_use":
        return msgspec.json.encode(block.input).decode()
    return block.text or "" if block.type == "text" else ""
