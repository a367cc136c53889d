"""How fast a local model worked, and how much of the work was padding."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Throughput:
    """Of one loaded base, all its adapters together."""

    written_tokens: int
    """Tokens of replies."""
    scored_tokens: int
    """Tokens whose likelihood was asked for."""
    computed_tokens: int
    """All that went through the model, padding too; what was shared counts once."""
    padding_tokens: int
    busy_s: float
    """Seconds in which a batch was worked off."""

    @property
    def padding_share(self) -> float:
        """Padding among all that was computed, 0 to 1."""
        return self.padding_tokens / self.computed_tokens if self.computed_tokens else 0.0

    @property
    def tokens_per_s(self) -> float:
        """Tokens written or scored in a second of work."""
        return (self.written_tokens + self.scored_tokens) / self.busy_s if self.busy_s else 0.0

    def __str__(self) -> str:
        """`5,120 tokens written, 0 scored in 41.2 s (124/s), 3.1 % padding`."""
        return (
            f"{self.written_tokens:,} tokens written, {self.scored_tokens:,} scored in "
            f"{self.busy_s:.1f} s ({self.tokens_per_s:,.0f}/s), "
            f"{100 * self.padding_share:.1f} % padding"
        )
