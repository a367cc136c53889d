"""What an HTTP status means for a sample: ask again, give up, or stop the run."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from llm_eval.errors import ProviderError
from llm_eval.models.rate import http_date, seconds_from_now
from llm_eval.models.transport import HTTPReply

_CODES = {
    400: "bad_request",
    401: "auth",
    403: "auth",
    404: "not_found",
    408: "timeout",
    409: "conflict",
    413: "too_long",
    422: "bad_request",
    429: "rate_limit",
    529: "overloaded",
}
_RETRYABLE = {408, 409, 425, 429}
_CONTEXT_WORDS = ("context length", "context_length", "maximum context", "too many tokens")
_MAX_MESSAGE = 500


def http_error(reply: HTTPReply, model: str, secret: str | None) -> ProviderError:
    """The error that a reply with a status other than 200 stands for."""
    status = reply.status
    message, kind = _told(reply.body)
    if secret:
        message = message.replace(secret, "[key]")
    code = _CODES.get(status, "server_error" if status >= 500 else "http_error")
    if 300 <= status < 400:
        code, message = "redirect", "the endpoint redirects elsewhere; give its final address"
    elif kind == "insufficient_quota":
        code = "quota"
    elif any(word in f"{message} {kind}".lower() for word in _CONTEXT_WORDS):
        code = "context_length"
    return ProviderError(
        f"model {model!r}: HTTP {status}: {message}",
        code=code,
        status=status,
        retryable=_retryable(reply, code),
        retry_after_s=retry_after_s(reply.headers),
        fatal=code in ("auth", "quota", "not_found", "redirect"),
    )


def retry_after_s(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds the provider wants nobody to ask: `retry-after-ms`, or Retry-After in either form."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit_s)
        except (KeyError, ValueError):
            pass
    moment = http_date(headers.get("retry-after", ""))
    if moment is None:
        return None
    return seconds_from_now(moment, headers, time.time() if now is None else now)


def no_answer(code: str, message: str, model: str, body: bytes) -> ProviderError:
    """A reply with status 200 that holds no answer: a proxy's page, half a document, an error."""
    shown = body[:80].decode(errors="replace")
    return ProviderError(
        f"model {model!r}: {message}; the body begins {shown!r}", code=code, retryable=True
    )


def _retryable(reply: HTTPReply, code: str) -> bool:
    wish = reply.headers.get("x-should-retry")
    if wish in ("true", "false"):
        return wish == "true"
    return code != "quota" and (reply.status in _RETRYABLE or reply.status >= 500)


def _told(body: bytes) -> tuple[str, str]:
    """The provider's own words and its name for the error, in any of the usual shapes."""
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return " ".join(body[:_MAX_MESSAGE].decode(errors="replace").split()) or "no body", ""
    error = value.get("error", value) if isinstance(value, dict) else value
    if isinstance(error, dict):
        message = error.get("message") or error.get("detail") or error
        return str(message)[:_MAX_MESSAGE], str(error.get("code") or error.get("type") or "")
    return str(error)[:_MAX_MESSAGE], ""
