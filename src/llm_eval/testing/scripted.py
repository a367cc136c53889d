"""A model that says what a test wants: replies, latency, faults.

ScriptedModel(["Paris", "Rome"])                              one after the other, then again
ScriptedModel({"Capital of France?": "Paris"})                by the last message
ScriptedModel(lambda messages, sampling, repeat: "…")         computed
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llm_eval.errors import ProviderError
from llm_eval.models.base import BaseModel
from llm_eval.types import ModelResponse, Prompt, Sampling, Usage

Answer = Callable[[Prompt, Sampling, int], str | ModelResponse]
Replies = Sequence[str] | Mapping[str, str] | Answer


@dataclass(frozen=True, slots=True)
class Call:
    """One call that the model was asked for."""

    number: int
    """From 0, in the order of asking."""
    messages: Prompt
    sampling: Sampling
    repeat: int


class ScriptedModel(BaseModel):
    """Replies from a script, without a network. Keeps a journal of its calls."""

    def __init__(
        self,
        replies: Replies,
        *,
        name: str = "scripted",
        revision: str | None = None,
        latency_s: float | Callable[[Call], float] = 0.0,
        fault: Callable[[Call], ProviderError | None] | None = None,
    ) -> None:
        """Make a model of `replies`.

        Args:
            replies: a list that is cycled through, a mapping by the last message's text, or a
                function of messages, sampling and repeat.
            name: what tables show; part of the identity.
            revision: part of the identity.
            latency_s: how long each reply takes, by the event loop's clock.
            fault: the error that a call raises instead of a reply, or None.

        Raises:
            ValueError: the list is empty, or a text, whose characters would be the replies.
        """
        self.name = name
        self.calls: list[Call] = []
        self.n_active = self.most_active = 0
        self._revision = revision
        self._answer = _answerer(replies)
        self._latency_s = latency_s
        self._fault = fault

    @property
    def identity(self) -> Mapping[str, Any]:
        """Name and revision."""
        return {"provider": "scripted", "model": self.name, "revision": self._revision}

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """The scripted reply, or the scripted fault."""
        call = Call(len(self.calls), messages, sampling, repeat)
        self.calls.append(call)
        latency = self._latency_s(call) if callable(self._latency_s) else self._latency_s
        self.n_active += 1
        self.most_active = max(self.most_active, self.n_active)
        try:
            await asyncio.sleep(latency)
        finally:
            self.n_active -= 1
        if self._fault is not None and (error := self._fault(call)) is not None:
            raise error
        answer = self._answer(messages, sampling, repeat)
        return answer if isinstance(answer, ModelResponse) else _reply(answer, call, latency, self)


def _answerer(replies: Replies) -> Answer:
    if callable(replies):
        return replies
    if isinstance(replies, Mapping):
        return lambda messages, _sampling, _repeat: _scripted(replies, messages[-1].content)
    if isinstance(replies, str) or not replies:
        raise ValueError(f"a script is a list of at least one reply, got {replies!r:.60}")
    script: Iterator[str] = itertools.cycle(replies)
    return lambda _messages, _sampling, _repeat: next(script)


def _scripted(replies: Mapping[str, str], asked: str) -> str:
    try:
        return replies[asked]
    except KeyError:
        raise KeyError(f"no reply is scripted to {asked[:80]!r}") from None


def _reply(text: str, call: Call, latency_s: float, model: ScriptedModel) -> ModelResponse:
    words = sum(len(message.content.split()) for message in call.messages)
    return ModelResponse(
        text, model.name, usage=Usage(words, len(text.split())), latency_s=latency_s
    )
