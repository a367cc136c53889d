"""An endpoint for tests and benchmarks: every wire format, any latency, every fault, a journal.

    async with StubServer(latency_s=0.02, faults=Faults({"429": 0.05})) as stub:
        model = APIModel(ModelSpec(name="stub", provider="openai", model="m", base_url=stub.url))

It is a bare HTTP/1.1 server on loopback: some 0.06 ms of CPU a request, so that it does not become
the bottleneck of what it measures.
"""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, cast

import msgspec

from llm_eval.testing.stub_faults import Faults
from llm_eval.testing.stub_replies import Answer, Asked, hashed, reply_object, understand

Latency = float | Callable[[Asked], float]
_HUGE_CHUNK = b"x" * 65536


@dataclass(slots=True)
class Exchange:
    """One request and what became of it."""

    number: int
    prompt: str
    attempt: int
    """How often this prompt was asked before, from 0."""
    fault: str | None
    fields: tuple[str, ...] = ()
    """Names of the fields in the request's body."""
    text: str | None = None
    """The reply's text, where one was made."""
    completed: bool = False
    """Whether the whole reply was handed to the network."""


class StubServer:
    """Serves on loopback from `async with`, or from a thread of its own (`in_thread`)."""

    def __init__(
        self,
        answer: Answer = hashed,
        *,
        latency_s: Latency = 0.0,
        faults: Faults | None = None,
        requests_per_s: float | None = None,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        refuses: Collection[str] = (),
        port: int = 0,
        journal: bool = True,
    ) -> None:
        """Describe the endpoint.

        Args:
            answer: the reply's text for a prompt's.
            latency_s: how long each reply takes, or a function of the request.
            faults: what goes wrong, and how often.
            requests_per_s: more than that is refused with 429.
            key: what a request must bring as bearer token or x-api-key.
            headers: added to every reply.
            refuses: fields of a request's body that are answered with 400.
            port: 0 takes a free one.
            journal: keep every exchange; a benchmark of a million has no use for that.
        """
        self.answer = answer
        self.latency_s = latency_s
        self.faults = faults or Faults()
        self.key = key
        self.headers = headers or {}
        self.refuses = refuses
        self.journal: list[Exchange] = []
        self.n_requests = 0
        self.n_active = self.most_active = 0
        self.connections: set[_Connection] = set()
        self._keeps_journal = journal
        self._attempts: Counter[str] = Counter()
        self._gate = _Gate(requests_per_s)
        self._port = port
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The base URL, as an OpenAI client takes it."""
        return f"{self.root}/v1"

    @property
    def root(self) -> str:
        """The server's address without a path, as an Anthropic client takes it."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> "StubServer":
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), "127.0.0.1", self._port, backlog=4096
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening and drop all connections."""
        assert self._server is not None
        self._server.close()
        for connection in list(self.connections):
            connection.drop()
        await self._server.wait_closed()

    @contextmanager
    def in_thread(self) -> Iterator["StubServer"]:
        """Serve from a thread with an event loop of its own, for callers without one."""
        ready, stop = threading.Event(), asyncio.Event()
        loops: list[asyncio.AbstractEventLoop] = []

        async def serve() -> None:
            loops.append(asyncio.get_running_loop())
            async with self:
                ready.set()
                await stop.wait()

        thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        thread.start()
        if not ready.wait(10):
            raise RuntimeError("the stub server did not start")
        try:
            yield self
        finally:
            loops[0].call_soon_threadsafe(stop.set)
            thread.join()

    def begin(self, asked: Asked) -> Exchange:
        """Note a request, and decide what it meets."""
        number, self.n_requests = self.n_requests, self.n_requests + 1
        attempt = 0
        if self._keeps_journal or self.faults.shares:
            attempt = self._attempts[asked.prompt]
            self._attempts[asked.prompt] += 1
        fault = self.faults.pick(asked.prompt, attempt, number)
        if fault is None and not self._gate.admits():
            fault = "429"
        exchange = Exchange(number, asked.prompt, attempt, fault, tuple(asked.body))
        if self._keeps_journal:
            self.journal.append(exchange)
        self.n_active += 1
        self.most_active = max(self.most_active, self.n_active)
        return exchange

    def latency_of(self, asked: Asked) -> float:
        """Seconds until the reply."""
        return self.latency_s(asked) if callable(self.latency_s) else self.latency_s


class _Gate:
    """A token bucket of one second."""

    def __init__(self, requests_per_s: float | None) -> None:
        self._rate = requests_per_s
        self._level = requests_per_s or 0.0
        self._filled_at = 0.0

    def admits(self) -> bool:
        if self._rate is None:
            return True
        now = asyncio.get_running_loop().time()
        self._level = min(self._rate, self._level + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True


class _Connection(asyncio.Protocol):
    """One keep-alive connection; requests on it are answered one after the other."""

    def __init__(self, server: StubServer) -> None:
        self._server = server
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received[:1].isalpha():  # no HTTP: a TLS handshake
            self.close()
            return
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].decode("latin-1")
            first, *lines = head.split("\r\n")
            headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", 0))
            if len(self._received) < end + 4 + length:
                return
            body = self._received[end + 4 : end + 4 + length]
            self._received = self._received[end + 4 + length :]
            self._respond(first.split(" "), headers, body)

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _respond(self, first: list[str], headers: dict[str, str], body: bytes) -> None:
        method, path = first[0], first[1]
        if method == "GET":
            self._get(path)
            return
        if not self._may_enter(headers):
            self._send_json(401, {"error": {"message": "wrong key", "type": "auth"}})
            return
        try:
            asked = understand(path, body)
        except (ValueError, KeyError, TypeError) as exc:
            self._send_json(400, {"error": {"message": str(exc), "type": "invalid_request"}})
            return
        exchange = self._server.begin(asked)
        if (field := next((f for f in self._server.refuses if f in asked.body), None)) is not None:
            self._server.n_active -= 1
            message = f"Unsupported parameter: {field!r} is not supported with this model."
            self._send_json(400, {"error": {"message": message, "type": "invalid_request_error"}})
            return
        delay = self._server.latency_of(asked)
        if delay > 0:
            asyncio.get_running_loop().call_later(delay, self._finish, asked, exchange)
        else:
            self._finish(asked, exchange)

    def _may_enter(self, headers: dict[str, str]) -> bool:
        key = self._server.key
        given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        return key is None or given == key

    def _get(self, path: str) -> None:
        if path.endswith("/models"):
            self._send_json(200, {"object": "list", "data": [{"id": "stub-1", "object": "model"}]})
        elif path == "/stats":
            numbers = {"requests": self._server.n_requests, "most_active": self._server.most_active}
            self._send_json(200, numbers)
        else:
            self._send_json(404, {"error": {"message": f"no {path}", "type": "not_found"}})

    def _finish(self, asked: Asked, exchange: Exchange) -> None:
        server = self._server
        server.n_active -= 1
        if self._transport is None:  # the client has gone
            return
        if exchange.fault is None:
            exchange.text = server.answer(asked.prompt)
            self._send_json(200, reply_object(asked, exchange.text, exchange.number))
            exchange.completed = True
        elif exchange.fault.isdigit():
            self._refuse(int(exchange.fault))
        else:
            exchange.text = server.answer(asked.prompt)
            whole = reply_object(asked, exchange.text, exchange.number)
            exchange.completed = _damage(self, exchange.fault, whole)

    def _refuse(self, status: int) -> None:
        extra, after = {}, self._server.faults.retry_after_s
        if status == 429 and after is not None:
            extra["retry-after"] = f"{after:g}"
        self._send_json(
            status, {"error": {"message": f"stub says {status}", "type": "stub"}}, extra
        )

    def _send_json(self, status: int, value: Any, extra: dict[str, str] | None = None) -> None:
        self.send(status, msgspec.json.encode(value), extra=extra)

    def send(
        self,
        status: int,
        body: bytes,
        *,
        kind: str = "application/json",
        extra: dict[str, str] | None = None,
        claimed: int | None = None,
    ) -> None:
        """Write a reply; `claimed` is a false Content-Length."""
        length = len(body) if claimed is None else claimed
        lines = f"HTTP/1.1 {status} Stub\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n"
        for name, value in {**self._server.headers, **(extra or {})}.items():
            lines += f"{name}: {value}\r\n"
        self.write(lines.encode() + b"\r\n" + body)

    def write(self, data: bytes) -> None:
        """Write bytes as they are."""
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """End the connection in order."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Make the other side see ECONNRESET, once what was written is out."""
        if self._transport is None:
            return
        raw: socket.socket = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        asyncio.get_running_loop().call_later(0.01, self.drop)

    def pour(self) -> None:
        """Write for ever, as fast as it is read."""
        if self._transport is not None:
            if self._transport.get_write_buffer_size() < 4 * len(_HUGE_CHUNK):
                self.write(b"10000\r\n" + _HUGE_CHUNK + b"\r\n")
            asyncio.get_running_loop().call_later(0.001, self.pour)


def _damage(connection: _Connection, fault: str, whole: dict[str, Any]) -> bool:
    """Answer with `fault`; whether what was sent is a complete reply."""
    body = msgspec.json.encode(whole)
    half = body[: len(body) // 2]
    if fault == "reset":
        connection.reset()
    elif fault == "reset_headers":
        connection.write(b"HTTP/1.1 200 OK\r\ncontent-ty")
        connection.reset()
    elif fault == "reset_body":
        connection.send(200, half, claimed=len(body))
        connection.reset()
    elif fault == "stall":
        connection.send(200, half, claimed=len(body))
    elif fault == "short":
        connection.send(200, half, claimed=len(body))
        connection.close()
    elif fault == "huge":
        connection.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        connection.pour()
    elif fault != "hang":
        return _misinform(connection, fault, whole, half)
    return False


def _misinform(connection: _Connection, fault: str, whole: dict[str, Any], half: bytes) -> bool:
    """Answer in order, with a body that is wrong or odd."""
    if fault == "html":
        connection.send(200, b"<!doctype html><title>Sign in</title>", kind="text/html")
    elif fault == "redirect":
        connection.send(302, b"", extra={"location": "http://127.0.0.1:9/login"})
    elif fault == "truncated_json":
        connection.send(200, half)
    elif fault == "empty_body":
        connection.send(200, b"")
    elif fault == "error_json":
        connection.send(200, b'{"error": {"message": "upstream failed", "type": "server_error"}}')
    else:
        return _answer_oddly(connection, fault, whole)
    return False


def _answer_oddly(connection: _Connection, fault: str, whole: dict[str, Any]) -> bool:
    """Replies that some model really gives; those with a text count as complete."""
    texts = {"nul": "a\0b", "surrogate": "half \ud83d pair", "invalid_utf8": "caf\xe9"}
    if fault == "wrong_types":
        whole["choices" if "choices" in whole else "content"] = "none"
    elif fault == "empty_choices":
        whole["choices" if "choices" in whole else "content"] = []
    elif fault == "null_content":
        _set_text(whole, None)
    elif fault in ("refusal", "content_filter"):
        _set_refusal(whole, fault)
    else:
        _set_text(whole, texts[fault])
    connection.send(200, _odd_json(whole, fault))
    return fault in ("null_content", "refusal", "content_filter", *texts)


def _odd_json(value: dict[str, Any], fault: str) -> bytes:
    import json

    text = json.dumps(value, ensure_ascii=fault != "invalid_utf8")
    return text.encode("latin-1" if fault == "invalid_utf8" else "utf-8")


def _set_text(whole: dict[str, Any], text: str | None) -> None:
    if "content" in whole:
        whole["content"] = [] if text is None else [{"type": "text", "text": text}]
    elif "message" in (choice := whole["choices"][0]):
        choice["message"]["content"] = text
    else:
        choice["text"] = text


def _set_refusal(whole: dict[str, Any], fault: str) -> None:
    if "content" in whole:
        whole["stop_reason"] = "refusal"
    elif fault == "content_filter":
        whole["choices"][0]["finish_reason"] = fault
        _set_text(whole, "")
    elif "message" in (choice := whole["choices"][0]):
        choice["message"] |= {"content": None, "refusal": "I cannot help with that."}
