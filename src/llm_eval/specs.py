"""What a model is configured as: the typed form of one entry of `configs/models.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an endpoint can do. Declared in configuration, never guessed from a model's name."""

    system_role: bool = True
    """False: the system message is put in front of the first user message."""
    temperature: bool = True
    """False for reasoning models that refuse the parameter (and `top_p`)."""
    stop: bool = True
    seed: bool = True
    json_schema: bool = True
    logprobs: bool = True
    max_tokens_field: str = "max_tokens"
    """`max_completion_tokens` where the endpoint wants that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How hard an endpoint may be driven. Times in seconds."""

    concurrency: int = 64
    """The most calls in flight; the limiter finds the useful number below it."""
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    connect_s: float = 10.0
    first_byte_s: float = 300.0
    idle_s: float = 60.0
    """Longest silence between two parts of a reply."""
    total_s: float = 600.0
    max_attempts: int = 6
    deadline_s: float = 1800.0
    """Longest time one sample may take over all its attempts."""
    max_response_bytes: int = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for a million tokens."""

    input: float
    output: float
    cached_input: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model, as configured or as named on the command line."""

    name: str
    """What the user typed; shown in tables."""
    provider: str
    """openai | anthropic | gguf | local | hf | vllm | an entry point's name."""
    model: str
    """The provider's own name for it, or a path."""
    base_url: str | None = None
    api_key_env: str | None = None
    """Name of the environment variable that holds the key; the key itself is stored nowhere."""
    key_required: bool = False
    """The configuration names the variable, so it must be set, wherever the endpoint is."""
    place: str | None = field(default=None, compare=False)
    """`FILE:LINE` of the configuration, for messages."""
    api: Literal["chat", "completions"] = "chat"
    revision: str | None = None
    adapter: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    args: Mapping[str, Any] = field(default_factory=dict)
    """Extra fields of the request body, or of the engine; part of the model's identity."""
    sampling: Mapping[str, Any] = field(default_factory=dict)
    """Overrides of the task's sampling, by field name of `Sampling`."""
    capabilities: Capabilities = Capabilities()
    limits: Limits = Limits()
    price: Price | None = None

    def missing_key(self, remedy: str = "") -> str:
        """The message where the key is needed and not set."""
        where = f"{self.place}: " if self.place else ""
        return f"{where}model {self.name!r} needs its key: set {self.api_key_env}{remedy}"
