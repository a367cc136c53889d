"""The body of an OpenAI-compatible completion, chat or plain, as a `ModelResponse`.

{"choices": [{"message": {"content": "Paris"}, "finish_reason": "stop"}], "usage": {…}}
"""

from typing import Any

import msgspec

from llm_eval.types import ModelResponse, TokenLogprob, Usage


class _TopLogprob(msgspec.Struct):
    token: str
    logprob: float


class _TokenLogprob(msgspec.Struct):
    token: str
    logprob: float
    top_logprobs: list[_TopLogprob] = []


class _Logprobs(msgspec.Struct):
    """Either dialect: chat has `content`; plain completions have parallel lists."""

    content: list[_TokenLogprob] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None

    @property
    def counts(self) -> Usage:
        """The counts that every provider has."""
        cached, reasoned = self.prompt_tokens_details, self.completion_tokens_details
        return Usage(
            self.prompt_tokens,
            self.completion_tokens,
            (cached.cached_tokens or 0) if cached else 0,
            (reasoned.reasoning_tokens or 0) if reasoned else 0,
        )


class Completion(msgspec.Struct):
    """The whole body; an endpoint that failed half-way gives `error` with status 200."""

    choices: list[_Choice] = []
    model: str | None = None
    id: str | None = None
    usage: _Usage | None = None
    error: Any = None

    def response(self, latency_s: float, asked_for: str) -> ModelResponse:
        """The first choice, of which there must be one.

        Args:
            latency_s: seconds the call took.
            asked_for: the model's name, for endpoints that do not tell theirs.
        """
        choice, usage = self.choices[0], self.usage or _Usage()
        message = choice.message or _Message(content=choice.text)
        return ModelResponse(
            text=message.content or "",
            model=self.model or asked_for,
            finish_reason="refusal" if message.refusal else choice.finish_reason or "stop",
            usage=usage.counts,
            latency_s=latency_s,
            refusal=message.refusal,
            reasoning=message.reasoning_content,
            logprobs=_logprobs(choice.logprobs),
            response_id=self.id,
        )


def _logprobs(given: _Logprobs | None) -> tuple[TokenLogprob, ...]:
    if given is None:
        return ()
    if given.content is not None:
        return tuple(
            TokenLogprob(t.token, t.logprob, tuple((o.token, o.logprob) for o in t.top_logprobs))
            for t in given.content
        )
    tokens, values = given.tokens or [], given.token_logprobs or []
    tops = given.top_logprobs or [None] * len(tokens)
    return tuple(
        TokenLogprob(token, value, tuple((top or {}).items()))
        for token, value, top in zip(tokens, values, tops, strict=False)
        if value is not None
    )
