"""The few calls that running a server takes: is it healthy, what is it, what does it serve.

The client of the models is above this layer, and made for thousands of calls; these are a handful,
to loopback mostly, so the standard library's is enough.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_S = 5.0
_MAX_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's address, and the key it wants."""

    root: str
    """Scheme, host and port; no path: `http://127.0.0.1:8000`."""
    key: str | None = field(default=None, repr=False)

    async def get(self, path: str) -> "Told":
        """GET; status 0 where nobody answers."""
        return await asyncio.to_thread(self._ask, "GET", path, None, _TIMEOUT_S)

    async def post(self, path: str, body: Mapping[str, Any], timeout_s: float = 300.0) -> "Told":
        """POST of JSON, likewise."""
        return await asyncio.to_thread(self._ask, "POST", path, body, timeout_s)

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None, timeout_s: float
    ) -> "Told":
        parts = urlsplit(self.root)
        secure = parts.scheme == "https"
        made = (HTTPSConnection if secure else HTTPConnection)(parts.netloc, timeout=timeout_s)
        headers = {"content-type": "application/json"}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        try:
            made.request(method, path, None if body is None else json.dumps(body), headers)
            reply = made.getresponse()
            return Told(reply.status, reply.read(_MAX_BYTES))
        except (OSError, HTTPException) as exc:
            return Told(0, str(exc).encode())
        finally:
            made.close()


@dataclass(frozen=True, slots=True)
class Told:
    """What came back."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        """The body's object; None where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def message(self) -> str:
        """What an error says, in one line."""
        value = self.json
        told = value.get("error", value) if isinstance(value, dict) else None
        text = told.get("message") if isinstance(told, dict) else told
        return " ".join(str(text or self.body[:300].decode(errors="replace")).split())[:300]
