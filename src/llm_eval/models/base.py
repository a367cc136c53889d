"""What a model is: one call and one parse. All else wraps it from outside, constructor style.

    Caching(Retrying(Limiting(APIModel(…))))

Each layer is a `BaseModel` around a `BaseModel`: a cache hit takes no slot, and a call that backs
off gives its slot to another.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from llm_eval.fingerprint import digest
from llm_eval.types import Message, ModelResponse, Prompt, Sampling

__all__ = ["BaseModel", "Message", "ModelResponse", "ModelWrapper"]


class BaseModel(ABC):
    """A source of replies. Safe to call from many coroutines of one event loop."""

    name: str
    """What people call it: the SPEC it was built from."""

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """All that can change a reply: provider, name, revision, adapter digest, endpoint, args.

        Holds no secret and no machine's path; two checkpoints never have the same.
        """

    @property
    def fingerprint(self) -> str:
        """sha256 of `identity`."""
        return digest(self.identity)

    @property
    def max_concurrency(self) -> int | None:
        """How many calls at once make sense; None where the model sets no bound."""
        return None

    @abstractmethod
    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """One reply to `messages`.

        Args:
            messages: the conversation so far, at least one turn.
            sampling: how to draw the reply.
            repeat: which draw of the same request this is (the epoch); part of its identity, so
                that two repeats never share a cache row.

        Raises:
            ProviderError: there is no reply; says whether asking again can help.
        """

    async def start(self) -> None:
        """Load what is needed before the first call: a file, a process, a connection.

        Raises:
            ConfigError: the model is not there; the message names the remedy.
        """

    async def aclose(self) -> None:
        """Free what `start` took."""


class ModelWrapper(BaseModel):
    """A model around a model; passes through all that it does not change."""

    def __init__(self, inner: BaseModel) -> None:
        self.inner = inner
        self.name = inner.name

    @property
    def identity(self) -> Mapping[str, Any]:
        """The wrapped model's: a wrapper never changes a reply."""
        return self.inner.identity

    @property
    def max_concurrency(self) -> int | None:
        """The wrapped model's."""
        return self.inner.max_concurrency

    async def start(self) -> None:
        """Start the wrapped model."""
        await self.inner.start()

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self.inner.aclose()
