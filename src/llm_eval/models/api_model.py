"""Any OpenAI-compatible endpoint: hosted OpenAI, vLLM, Ollama, llama.cpp's server, gateways.

POST {base_url}/chat/completions   {"model": …, "messages": […], "temperature": 0.0, …}
POST {base_url}/completions        {"model": …, "prompt": "…", …}      with `api: completions`
"""

import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from llm_eval.errors import ConfigError, ProviderError
from llm_eval.models.base import BaseModel
from llm_eval.models.completion import Completion
from llm_eval.models.http_errors import http_error, no_answer
from llm_eval.models.json_body import decode_body
from llm_eval.models.transport import Headers, HTTPReply, Transport
from llm_eval.specs import Capabilities, ModelSpec
from llm_eval.types import Message, ModelResponse, Prompt, Sampling

DEFAULT_BASE_URL = "https://api.openai.com/v1"


class APIModel(BaseModel):
    """One served model. Retries, rate limits and caching wrap it from outside."""

    def __init__(self, spec: ModelSpec, *, key: str | None = None) -> None:
        """Describe the endpoint.

        Args:
            spec: the model's configuration.
            key: of an endpoint that nobody else knows; else it is read from the environment.
        """
        self.name = spec.name
        self._given_key = key
        self._spec = spec
        self._base_url = spec.base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL
        self._transport = Transport(self._base_url, spec.limits, self._headers)
        self.on_headers: Callable[[Headers], None] | None = None
        """Told the headers of every reply: they carry the provider's rate limits."""

    @classmethod
    def from_spec(cls, spec: ModelSpec) -> "APIModel":
        """The model that `spec` describes.

        Raises:
            ConfigError: the key is missing, and the hosted API or the configuration needs it.
        """
        model = cls(spec)
        if model._key() is None and (spec.key_required or model._base_url == DEFAULT_BASE_URL):
            local = ", or name a local endpoint: openai/NAME@http://127.0.0.1:8000/v1"
            raise ConfigError(spec.missing_key("" if spec.key_required else local))
        return model

    @property
    def identity(self) -> Mapping[str, Any]:
        """Provider, model, revision, endpoint without credentials, API and arguments."""
        spec = self._spec
        return {
            "provider": spec.provider,
            "model": spec.model,
            "revision": spec.revision,
            "adapter": spec.adapter,
            "endpoint": public_url(self._base_url),
            "api": spec.api,
            "args": spec.args,
        }

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """One call."""
        chat = self._spec.api == "chat"
        path = "/chat/completions" if chat else "/completions"
        body = msgspec.json.encode(self._body(messages, sampling))
        reply = await self._transport.post(path, body)
        if self.on_headers is not None:
            self.on_headers(reply.headers)
        if reply.status != 200:
            raise http_error(reply, self.name, self._key())
        return self._parse(reply)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def _key(self) -> str | None:
        """The key; one of the environment is read when it is needed, and kept by no model."""
        if self._given_key is not None:
            return self._given_key
        # Stripped: a key that was read from a file ends with a line break.
        return os.environ.get(self._spec.api_key_env or "OPENAI_API_KEY", "").strip() or None

    def _headers(self) -> dict[str, str]:
        headers = {"content-type": "application/json", **self._spec.headers}
        if key := self._key():
            headers["authorization"] = f"Bearer {key}"
        return headers

    def _body(self, messages: Prompt, sampling: Sampling) -> dict[str, Any]:
        able = self._spec.capabilities
        body: dict[str, Any] = {"model": self._spec.model}
        if self._spec.api == "chat":
            body["messages"] = messages if able.system_role else fold_system(messages)
        else:
            body["prompt"] = "\n\n".join(message.content for message in messages)
        body |= _sampling_fields(sampling, able, chat=self._spec.api == "chat")
        return body | dict(self._spec.args)

    def _parse(self, reply: HTTPReply) -> ModelResponse:
        try:
            completion = decode_body(reply.body, _decoder)
        except msgspec.ValidationError as exc:
            raise no_answer("bad_reply", f"no completion: {exc}", self.name, reply.body) from exc
        except ValueError as exc:
            raise no_answer("bad_reply", "the reply is no JSON", self.name, reply.body) from exc
        if completion.error is not None:
            told = completion.error
            message = told.get("message", told) if isinstance(told, dict) else told
            raise ProviderError(
                f"model {self.name!r}: {message}", code="server_error", status=200, retryable=True
            )
        if not completion.choices:
            raise no_answer("bad_reply", "the reply has no choices", self.name, reply.body)
        return completion.response(reply.latency_s, self._spec.model)


def fold_system(messages: Prompt) -> Prompt:
    """The system message in front of the first user message, for models without that role."""
    if len(messages) < 2 or messages[0].role != "system":
        return messages
    system, first, *rest = messages
    return (Message(first.role, f"{system.content}\n\n{first.content}"), *rest)


def public_url(url: str) -> str:
    """`url` without user, password and query: what may be stored and shown."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _sampling_fields(sampling: Sampling, able: Capabilities, *, chat: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if able.temperature:
        fields["temperature"] = sampling.temperature
        if sampling.top_p is not None:
            fields["top_p"] = sampling.top_p
    if sampling.max_tokens is not None:
        fields[able.max_tokens_field] = sampling.max_tokens
    if sampling.seed is not None and able.seed:
        fields["seed"] = sampling.seed
    if sampling.stop and able.stop:
        fields["stop"] = sampling.stop
    if sampling.json_schema is not None and able.json_schema:
        schema = {"name": "answer", "strict": True, "schema": sampling.json_schema}
        fields["response_format"] = {"type": "json_schema", "json_schema": schema}
    if sampling.top_logprobs is not None and able.logprobs:
        top = sampling.top_logprobs
        fields |= {"logprobs": True, "top_logprobs": top} if chat else {"logprobs": top}
    return fields


_decoder = msgspec.json.Decoder(Completion)
