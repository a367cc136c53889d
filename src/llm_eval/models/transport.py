"""The one HTTP client: requests to one endpoint, with four time limits and a size cap.

pyreqwest (Rust: reqwest, hyper, rustls) makes a request in 0.05 ms of CPU where aiohttp needs 0.2
and the vendors' SDKs 4. Proxies come from the usual environment variables, custom certificate
authorities from `SSL_CERT_FILE`. Redirects are not followed: a key must not travel.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from time import perf_counter
from typing import Any, NamedTuple

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    ConnectError,
    ConnectTimeoutError,
    DecodeError,
    PyreqwestError,
    RequestTimeoutError,
)

from llm_eval.errors import ProviderError
from llm_eval.models.time_limits import TimeLimits
from llm_eval.specs import Limits
from llm_eval.version import __version__

Headers = Mapping[str, str]


class HTTPReply(NamedTuple):
    """A complete reply."""

    status: int
    headers: Headers
    """Found under their names in any case."""
    body: bytes
    latency_s: float
    """From sending to the last byte."""


class Transport:
    """A pool of connections to one endpoint. Used from one event loop."""

    def __init__(
        self, base_url: str, limits: Limits, headers: Callable[[], Headers] = dict
    ) -> None:
        """Describe the endpoint; nothing is connected yet.

        Args:
            base_url: what all paths are behind.
            limits: times and sizes.
            headers: those of every request; asked for once, when the first is made, and kept
                by the client alone: a key is nowhere else.
        """
        self._base_url = base_url.rstrip("/")
        self._limits = limits
        self._headers = headers
        self._client: Client | None = None
        shortest = min(limits.first_byte_s, limits.idle_s, limits.total_s)
        self._time_limits = TimeLimits(shortest_s=shortest)

    async def post(self, path: str, body: bytes) -> HTTPReply:
        """POST `body` and read the whole reply, whatever its status.

        Raises:
            ProviderError: there is no complete reply; `code` says at which point it failed.
        """
        return await self._exchange(self._connected().post(self._base_url + path).body_bytes(body))

    async def aclose(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _exchange(self, request: Any) -> HTTPReply:
        limits, loop = self._limits, asyncio.get_running_loop()
        sent = perf_counter()  # the loop's own clock counts whole milliseconds
        started = loop.time()
        end = started + limits.total_s
        waiting_for = "first_byte"
        try:
            with self._time_limits.until(min(started + limits.first_byte_s, end)) as limit:
                async with request.streamed_read_buffer_limit(0).build_streamed() as response:
                    waiting_for = "idle"
                    parts, size = [], 0
                    while True:
                        limit.at = min(loop.time() + limits.idle_s, end)
                        part = await response.body_reader.read_chunk()
                        if part is None:
                            break
                        parts.append(bytes(part))
                        size += len(part)
                        if size > limits.max_response_bytes:
                            raise self._error(
                                "too_large", f"reply of over {limits.max_response_bytes:,} bytes"
                            )
                    latency_s = perf_counter() - sent
                    return HTTPReply(response.status, response.headers, b"".join(parts), latency_s)
        except ConnectTimeoutError:
            raise self._error("connect_timeout", f"no connection in {limits.connect_s} s") from None
        except (TimeoutError, RequestTimeoutError):
            if loop.time() >= end:
                raise self._error("total_timeout", f"no reply in {limits.total_s} s") from None
            allowed = limits.first_byte_s if waiting_for == "first_byte" else limits.idle_s
            what = "first byte" if waiting_for == "first_byte" else "further byte"
            raise self._error(f"{waiting_for}_timeout", f"no {what} in {allowed} s") from None
        except PyreqwestError as exc:
            raise self._error(*_classify(exc, waiting_for)) from exc

    def _connected(self) -> Client:
        if self._client is None:
            self._client = (
                ClientBuilder()
                .connect_timeout(timedelta(seconds=self._limits.connect_s))
                # A cancelled call is not taken back from the client's own threads: without a limit
                # there, an endpoint that never answers would keep its connection for ever.
                .timeout(timedelta(seconds=self._limits.total_s + 1))
                .follow_redirects(False)
                .http2(True)
                .tcp_nodelay(True)
                .user_agent(f"llm-eval/{__version__}")
                .default_headers(self._sendable_headers())
                .build()
            )
        return self._client

    def _sendable_headers(self) -> Headers:
        """The headers; what cannot be sent is refused here, as the client would print its value."""
        headers = self._headers()
        for name, value in headers.items():
            if not (value.isascii() and value.isprintable()):
                raise ProviderError(
                    f"{self._base_url}: the header {name!r} holds a character that cannot be sent, "
                    f"such as a line break; look at the key or at `headers` in models.yaml",
                    code="bad_header",
                    retryable=False,
                    fatal=True,
                )
        return headers

    def _error(self, code: str, message: str) -> ProviderError:
        retryable = code not in ("too_large", "tls")
        return ProviderError(f"{self._base_url}: {message}", code=code, retryable=retryable)


def _classify(exc: PyreqwestError, waiting_for: str) -> tuple[str, str]:
    """A stable code, and what happened in words without our headers."""
    causes = " ".join(str(c.get("message", "")) for c in _causes(exc)) or str(exc)
    lowered = causes.lower()
    if isinstance(exc, ConnectError):
        if "dns" in lowered or "lookup" in lowered:
            return "dns", "the host's name cannot be resolved"
        if "certificate" in lowered or "tls" in lowered or "handshake" in lowered:
            return "tls", f"no secure connection: {causes[:200]}"
        return "connection", f"no connection: {causes[:200]}"
    if isinstance(exc, DecodeError) or waiting_for == "idle":
        return "truncated", f"the reply broke off or is damaged: {causes[:200]}"
    return "connection", f"the connection broke: {causes[:200]}"


def _causes(exc: PyreqwestError) -> list[dict[str, Any]]:
    details = getattr(exc, "details", None) or {}
    return list(details.get("causes") or [])
