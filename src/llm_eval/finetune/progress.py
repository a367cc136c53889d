"""What is seen of a training while it goes on, and what is kept of it: one line, one curve."""

import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

_LINE_EVERY_S = 10.0


@dataclass(slots=True)
class Curve:
    """Loss by step, and every validation."""

    losses: list[tuple[int, float]] = field(default_factory=list)
    validations: list[tuple[int, float]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """JSON types."""
        return {
            "loss": [list(p) for p in self.losses],
            "validation": [list(p) for p in self.validations],
        }


class Progress:
    """Says now and then how far it is, how fast, and how much memory it takes."""

    def __init__(self, n_steps: int, tokens_per_step: float, say: Callable[[str], None]) -> None:
        self._n_steps, self._tokens_per_step, self._say = n_steps, tokens_per_step, say
        self._started = self._shown = monotonic()
        self._first: int | None = None

    def step(self, number: int, loss: float) -> None:
        """One more step is done."""
        now = monotonic()
        if self._first is None:
            self._first = number - 1
        if now - self._shown < _LINE_EVERY_S and number < self._n_steps:
            return
        self._shown = now
        done = number - self._first
        seconds = (now - self._started) / done
        left = (self._n_steps - number) * seconds
        self._say(
            f"step {number}/{self._n_steps} · loss {loss:.3f} · "
            f"{self._tokens_per_step / seconds:,.0f} tokens/s · {_minutes(left)} left · "
            f"{peak_memory_bytes() / 1e9:.1f} GB"
        )


def peak_memory_bytes() -> int:
    """The most memory that was taken so far: the GPU's where there is one, else the process'."""
    from llm_eval.models.hf.libraries import libraries

    torch, _ = libraries()
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    told = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return told if sys.platform == "darwin" else told * 1024  # bytes there, KiB on Linux


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
