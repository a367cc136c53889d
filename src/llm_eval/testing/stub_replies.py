"""What a stub endpoint answers, in the words of each API."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

Answer = Callable[[str], str]
"""From all text of a prompt to the reply's text."""
_MODEL = "stub-1"


def hashed(prompt: str) -> str:
    """The default answer: some words that only this prompt gets."""
    digest = hashlib.sha256(prompt.encode(errors="surrogatepass")).hexdigest()
    return f"reply {digest[:12]}"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as far as it can be understood."""

    path: str
    body: dict[str, Any]
    prompt: str
    """The contents of all its messages, one below the other."""


def understand(path: str, body: bytes) -> Asked:
    """The request in `body`.

    Raises:
        ValueError: it is no JSON object.
    """
    value = msgspec.json.decode(body)
    if not isinstance(value, dict):
        raise ValueError("the request is no object")  # noqa: TRY004 - of bytes, not of a caller
    parts = [value["system"]] if "system" in value else []
    parts += [message["content"] for message in value.get("messages", ())]
    if "prompt" in value:
        parts.append(value["prompt"])
    return Asked(path, value, "\n".join(map(str, parts)))


def reply_object(asked: Asked, text: str, number: int) -> dict[str, Any]:
    """A complete reply with `text`, in the dialect of the request's path."""
    counts = len(asked.prompt.split()), len(text.split())
    if asked.path.endswith("/messages"):
        return _anthropic(asked, text, number, *counts)
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
    if asked.path.endswith("/chat/completions"):
        choice["message"] = {"role": "assistant", "content": text}
    else:
        choice["text"] = text
    if asked.body.get("logprobs") not in (None, False):
        choice["logprobs"] = _logprobs(asked, text)
    return {
        "id": f"stub-{number}",
        "object": "chat.completion",
        "model": asked.body.get("model", _MODEL),
        "choices": [choice],
        "usage": {
            "prompt_tokens": counts[0],
            "completion_tokens": counts[1],
            "total_tokens": sum(counts),
        },
    }


def _anthropic(asked: Asked, text: str, number: int, n_in: int, n_out: int) -> dict[str, Any]:
    content: dict[str, Any] = {"type": "text", "text": text}
    if asked.body.get("tools"):
        name = asked.body["tools"][0]["name"]
        try:
            content = {"type": "tool_use", "name": name, "input": msgspec.json.decode(text)}
        except msgspec.DecodeError:
            content = {"type": "tool_use", "name": name, "input": {"text": text}}
    return {
        "id": f"msg-{number}",
        "type": "message",
        "role": "assistant",
        "model": asked.body.get("model", _MODEL),
        "content": [content],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": n_in, "output_tokens": n_out},
    }


def _logprobs(asked: Asked, text: str) -> dict[str, Any]:
    """Every word with probability one half, beside one alternative."""
    words = text.split() or [""]
    if asked.path.endswith("/chat/completions"):
        top = [{"token": "other", "logprob": -1.5}]
        return {
            "content": [{"token": w, "logprob": -0.6931, "top_logprobs": top} for w in words],
        }
    return {
        "tokens": words,
        "token_logprobs": [-0.6931] * len(words),
        "top_logprobs": [{"other": -1.5}] * len(words),
    }
