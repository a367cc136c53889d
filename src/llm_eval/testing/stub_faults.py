"""What can go wrong between a client and a model, by name, and when it does.

    Faults({"429": 0.1, "reset_body": 0.02}, seed=7).pick("the prompt", attempt=1)  →  "429" | None

The choice depends on seed, prompt and attempt alone: the same run meets the same faults, in
whatever order its calls arrive.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

STATUSES = (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529)
DAMAGES = {
    "hang": "nothing comes, ever",
    "reset": "the connection is reset before the reply",
    "reset_headers": "the connection is reset within the headers",
    "reset_body": "the connection is reset within the body",
    "stall": "half of the body comes, then nothing",
    "short": "the body is shorter than its Content-Length",
    "truncated_json": "the body ends in the middle of its JSON",
    "html": "status 200 with a login page",
    "error_json": "status 200 with an error object",
    "redirect": "status 302 to a login page",
    "empty_body": "status 200 without a body",
    "empty_choices": "a reply without choices",
    "null_content": "a reply whose content is null",
    "wrong_types": "a reply whose choices are text",
    "invalid_utf8": "a reply with bytes that are no UTF-8",
    "nul": "a reply with a NUL in its text",
    "surrogate": "a reply with half a surrogate pair",
    "huge": "a body that never ends",
    "refusal": "the model refuses",
    "content_filter": "the provider's filter cut the reply",
}
NAMES = (*map(str, STATUSES), *DAMAGES)


@dataclass(frozen=True, slots=True)
class Faults:
    """How often each fault happens."""

    shares: Mapping[str, float] = field(default_factory=dict)
    """By name; they add up to at most 1."""
    seed: int = 0
    script: Sequence[str | None] = ()
    """Instead of shares: what the first, second, … request meets; then nothing more."""
    retry_after_s: float | None = None
    """What a 429 asks for."""

    def __post_init__(self) -> None:
        """Refuse what is no fault.

        Raises:
            ValueError: an unknown name, or shares above 1.
        """
        for name in (*self.shares, *self.script):
            if name is not None and name not in NAMES:
                raise ValueError(f"unknown fault {name!r}; known: {', '.join(NAMES)}")
        if sum(self.shares.values()) > 1:
            raise ValueError(f"shares add up to {sum(self.shares.values())}, more than 1")

    def pick(self, prompt: str, attempt: int, number: int) -> str | None:
        """The fault of this request, if it has one.

        Args:
            prompt: its text.
            attempt: how often this prompt was asked before.
            number: how many requests there were before.
        """
        if self.script:
            return self.script[number] if number < len(self.script) else None
        if not self.shares:
            return None
        draw = random.Random(f"{self.seed}:{attempt}:{prompt}").random()  # noqa: S311 - no secret
        for name, share in self.shares.items():
            draw -= share
            if draw < 0:
                return name
        return None
