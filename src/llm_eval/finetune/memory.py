"""How much memory a training will take, computed from the model's shape before it is loaded.

    weights      3.21 B parameters, linear layers in 4 bits       2.5 GB
    adapter      24.3 M parameters, gradients and optimiser       0.1 GB
    activations  4 × 1,024 tokens, 28 layers, checkpointed        1.6 GB
    …
    together                                                      5.2 GB

What a backward pass keeps is counted tensor by tensor for a decoder of the Llama family; how it
compares with a real card stands in docs/finetuning.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_eval.errors import ConfigError
from llm_eval.finetune.config import Recipe
from llm_eval.finetune.ranks import is_sharded, n_processes
from llm_eval.finetune.setup import Setup
from llm_eval.finetune.validation import ROWS as VALIDATION_ROWS
from llm_eval.models.hf.libraries import libraries
from llm_eval.registry import unknown

NF4_BYTES = 0.516
"""A parameter in 4 bits with doubly quantised scales: 4 + 8/64 + 32/(64 · 256) bits (arXiv
2305.14314, section 3)."""
_OPTIMIZER_BYTES = {"paged_adamw_8bit": 2.0, "sgd": 0.0}
"""State of one trained parameter; AdamW keeps two float32 moments."""
_ADAMW_BYTES = 8.0
_OVERHEAD = 0.10
"""Share that the allocator loses to fragments."""
_CONTEXT_BYTES = 0.6e9
"""What CUDA itself takes of a card."""


@dataclass(frozen=True, slots=True)
class Part:
    """One row of the table."""

    name: str
    what: str
    n_bytes: float


@dataclass(frozen=True, slots=True)
class Memory:
    """The expected peak, by what it is for."""

    parts: tuple[Part, ...]

    @property
    def n_bytes(self) -> float:
        """All parts together."""
        return sum(part.n_bytes for part in self.parts)

    def lines(self) -> Iterator[str]:
        """The table."""
        for part in self.parts:
            yield f"{part.name:12} {part.what:52} {part.n_bytes / 1e9:6.1f} GB"
        yield f"{'together':12} {'':52} {self.n_bytes / 1e9:6.1f} GB"


@dataclass(frozen=True, slots=True)
class Shape:
    """What counts of a model, in parameters and in numbers a token."""

    n_linear: int
    """Parameters of the linear layers but the output's, which are quantised."""
    n_other: int
    """Embeddings, norms, output."""
    n_lora: int
    layers: int
    hidden: int
    inner: int
    """Of the feed-forward layers."""
    kv: int
    """Of keys, and of values."""
    vocabulary: int


def shape_of(path: Path, recipe: Recipe) -> Shape:
    """Count a model's parameters without loading one.

    Raises:
        ConfigError: the recipe adapts layers that the model has not.
    """
    torch, transformers = libraries()
    config = transformers.AutoConfig.from_pretrained(str(path), local_files_only=True)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    linear = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and not name.endswith("lm_head")
    }
    _check_targets(recipe, {name.rpartition(".")[2] for name in linear})
    text = config.get_text_config(decoder=True)
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    n_linear = sum(module.weight.numel() for module in linear.values())
    return Shape(
        n_linear,
        sum(p.numel() for p in model.parameters()) - n_linear,
        sum(_lora_parameters(name, module, recipe) for name, module in linear.items()),
        text.num_hidden_layers,
        text.hidden_size,
        getattr(text, "intermediate_size", None) or 4 * text.hidden_size,
        head * (getattr(text, "num_key_value_heads", None) or text.num_attention_heads),
        text.vocab_size,
    )


def expected_memory(shape: Shape, recipe: Recipe, setup: Setup, longest: int) -> Memory:
    """The peak of training `recipe`, with rows of at most `longest` tokens."""
    tokens = recipe.train.batch * longest
    plain = 2 if setup.bfloat16 and setup.device != "cpu" else 4
    bits = "4 bits" if setup.four_bit else f"{8 * plain} bits"
    weights = shape.n_linear * (NF4_BYTES if setup.four_bit else plain) + shape.n_other * plain
    shards = n_processes() if is_sharded() else 1
    lora_bytes = plain if setup.four_bit else 4
    state = _OPTIMIZER_BYTES.get(setup.optimizer, _ADAMW_BYTES)
    parts = [
        Part("weights", f"{_count(shape.n_linear + shape.n_other)} parameters, linear in {bits}",
             weights / shards),
        Part("adapter", f"{_count(shape.n_lora)} parameters, gradients, {setup.optimizer}",
             shape.n_lora * (2 * lora_bytes + state)),
        Part("activations", _activations_told(shape, setup, recipe, longest),
             tokens * _activation_bytes(shape, recipe, setup)),
        Part("logits", f"{tokens:,} tokens × {shape.vocabulary:,} in float32, a part at a time",
             _logit_bytes(shape, tokens)),
    ]  # fmt: skip
    validation = _validation_bytes(shape, recipe, longest, plain)
    if validation > (training := parts[-2].n_bytes + parts[-1].n_bytes):
        more = validation - training
        parts.append(Part("validation", "keys and values of a batch of replies, beyond that", more))
    used = sum(part.n_bytes for part in parts)
    if setup.device != "cpu":
        parts.append(Part("overhead", "fragments, CUDA itself", used * _OVERHEAD + _CONTEXT_BYTES))
    return Memory(tuple(parts))


def check_memory(expected: Memory, available: float, recipe: Recipe, setup: Setup) -> None:
    """Refuse a training that cannot fit.

    Args:
        expected: from `expected_memory`.
        available: bytes that are free on the device.
        recipe: whose settings the message names.
        setup: what they became.

    Raises:
        ConfigError: as said; names what to change.
    """
    if expected.n_bytes <= available:
        return
    remedies = []
    if recipe.train.batch > 1:
        remedies.append(f"train.batch {recipe.train.batch} → 1 with train.accumulate")
    if not setup.gradient_checkpointing:
        remedies.append("train.gradient_checkpointing: true")
    if not setup.four_bit and setup.device != "cpu":
        remedies.append("train.quantization: 4bit")
    remedies += ["a smaller data.max_tokens", "a smaller base"]
    raise ConfigError(
        f"training {recipe.base!r} needs about {expected.n_bytes / 1e9:.1f} GB and {setup.device} "
        f"has {available / 1e9:.1f} GB free; try {', '.join(remedies)}"
    )


def free_memory(device: str) -> float:
    """Bytes that a training may take now; on a CPU of the machine's memory."""
    torch, _ = libraries()
    if device != "cpu":
        free, _ = torch.cuda.mem_get_info(device)
        return float(free)
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    found = next((line for line in lines if line.startswith("MemAvailable:")), None)
    return float("inf") if found is None else float(found.split()[1]) * 1024


def _check_targets(recipe: Recipe, names: set[str]) -> None:
    targets = recipe.lora.targets
    if targets == "all-linear":
        return
    for target in targets:
        if target not in names:
            raise ConfigError(f"lora.targets: {unknown('linear layer', target, names)}")


def _lora_parameters(name: str, module: Any, recipe: Recipe) -> int:
    targets = recipe.lora.targets
    wanted = targets == "all-linear" or name.rpartition(".")[2] in targets
    return recipe.lora.rank * (module.in_features + module.out_features) if wanted else 0


def _activation_bytes(shape: Shape, recipe: Recipe, setup: Setup) -> float:
    """Kept for the backward pass, a token.

    A layer keeps, in 2 bytes: both norms' results, queries, keys and values before and after they
    are rotated, attention's result, gate, up, and what is made of them; and both norms' inputs in
    4. Dropout before each adapter keeps another copy of its input, and so does an adapter that is
    wider than the base: in float32 on a base in bfloat16.
    """
    h, i, kv = shape.hidden, shape.inner, shape.kv
    one = 2 * (5 * h + 4 * kv + 4 * i) + 4 * 2 * h
    if recipe.lora.dropout:
        one += 2 * (6 * h + i)
    if setup.bfloat16 and setup.device != "cpu" and not setup.four_bit:
        one += 4 * (6 * h + i)
    return shape.layers * 2 * h + one if setup.gradient_checkpointing else shape.layers * one


def _logit_bytes(shape: Shape, tokens: int) -> float:
    """The trainer computes them in parts of so many tokens: logits, their gradient, softmax."""
    return min(tokens, _LOGIT_PART) * shape.vocabulary * 4 * 3.0


_LOGIT_PART = 256


def _validation_bytes(shape: Shape, recipe: Recipe, longest: int, plain: int) -> float:
    """Keys and values of a batch of replies."""
    if recipe.validate is None:
        return 0.0
    rows = min(VALIDATION_ROWS, recipe.validate.limit or VALIDATION_ROWS)
    tokens = rows * (longest + recipe.validate.max_tokens)
    return tokens * shape.layers * 2 * shape.kv * plain


def _activations_told(shape: Shape, setup: Setup, recipe: Recipe, longest: int) -> str:
    how = ", checkpointed" if setup.gradient_checkpointing else ""
    return f"{recipe.train.batch} × {longest:,} tokens, {shape.layers} layers{how}"


def _count(n: int) -> str:
    return f"{n / 1e9:.2f} B" if n >= 1e9 else f"{n / 1e6:.1f} M"
