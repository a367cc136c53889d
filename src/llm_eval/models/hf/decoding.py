"""Writing the replies to a batch of prompts with a transformers model.

A loop of its own instead of `model.generate`, for three reasons. What all prompts begin with is
computed once (a task's instruction and example are half of its prompt). A reply that has ended
leaves the batch. Every row has its own temperature, seed, stop strings and length.

    cache:  [ shared prefix | padding | own prompt | reply … ]      padding is masked
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from llm_eval.models.hf.base import Base
from llm_eval.models.hf.constraint import allowed
from llm_eval.models.hf.libraries import libraries
from llm_eval.types import Sampling, TokenLogprob

MOST_PADDING = 0.1
"""Share of the tokens that are computed."""
_LEAST_PREFIX = 16
"""Shorter common beginnings are not worth a pass of their own."""


class Prompted(Protocol):
    """Whatever begins with tokens."""

    prompt: list[int]


@dataclass(slots=True)
class Row:
    """One prompt and what becomes of it."""

    prompt: list[int]
    sampling: Sampling
    repeat: int
    limit: int
    """The most tokens to write."""
    tokens: list[int] = field(default_factory=list)
    text: str = ""
    finish_reason: str = ""
    """Empty while it is being written."""
    logprobs: list[TokenLogprob] = field(default_factory=list)
    generator: Any = None
    matcher: Any = None
    """Of the JSON Schema that the reply is held to; None: free text."""

    def restart(self) -> None:
        """Forget what was written, for a reply that has to be written again."""
        self.tokens.clear()
        self.logprobs.clear()
        self.text = self.finish_reason = ""
        if self.matcher is not None:
            self.matcher.reset()


@dataclass(slots=True)
class Waste:
    """Tokens that were computed, and how many of them were padding."""

    computed: int = 0
    padding: int = 0


class Decoder:
    """Writes with one base; keeps the last shared prefix, which the next batch often has too."""

    def __init__(self, base: Base) -> None:
        torch, transformers = libraries()
        self._torch, self._base = torch, base
        self._new_cache = transformers.DynamicCache
        self.waste = Waste()
        parameters = inspect.signature(base.model.forward).parameters
        # transformers 5.18 renamed it; the older name will go.
        self._cache_argument = "cache" if "cache" in parameters else "past_key_values"
        self._ends = end_tokens(base)
        self._prefix: tuple[str | None, tuple[int, ...], Any] | None = None

    def write(self, rows: Sequence[Row], adapter: str | None) -> None:
        """Fill in every row's reply.

        Raises:
            torch.OutOfMemoryError: the batch is too large; the rows are as they were.
        """
        with self._torch.inference_mode(), self._base.using(adapter):
            self._write(list(rows), adapter)

    def _write(self, rows: list[Row], adapter: str | None) -> None:
        torch = self._torch
        read = self._read(rows, adapter)
        live, cache, mask = read.rows, read.cache, read.mask
        logits, positions = read.logits, read.positions
        for row in rows:
            if row.sampling.temperature > 0:
                row.generator = torch.Generator(device="cpu")
                row.generator.manual_seed(((row.sampling.seed or 0) << 16) + row.repeat)
        while True:
            chosen = self._choose(live, logits)
            kept = [n for n, row in enumerate(live) if not row.finish_reason]
            if not kept:
                return
            if len(kept) < len(live):
                index = torch.tensor(kept, device=logits.device)
                cache.batch_select_indices(index)
                mask, positions = mask[index], positions[index]
                live, chosen = [live[n] for n in kept], [chosen[n] for n in kept]
            positions = positions + 1
            mask = torch.cat([mask, mask.new_ones(len(live), 1)], dim=1)
            ids = torch.tensor(chosen, device=logits.device)[:, None]
            logits = self._forward(ids, mask, positions, cache)
            self.waste.computed += len(live)

    def _read(self, rows: Sequence[Row], adapter: str | None) -> "_Prompts":
        """Compute the prompts, those of about one length at a time, and put them together."""
        prefix = self.shared_prefix(rows, adapter)
        if not self.can_share:
            return self._read_group(rows, 0)
        parts = [self._read_group(group, len(prefix)) for group in by_length(rows, len(prefix))]
        return parts[0] if len(parts) == 1 else self._together(parts)

    def _read_group(self, rows: Sequence[Row], n: int) -> "_Prompts":
        """Compute prompts whose first `n` tokens are in the shared prefix."""
        torch, device = self._torch, self._base.device
        longest = max(len(row.prompt) for row in rows) - n
        ids = torch.full((len(rows), longest), self._base.tokenizer.pad_token_id)
        mask = torch.zeros((len(rows), n + longest), dtype=torch.long)
        mask[:, :n] = 1
        for number, row in enumerate(rows):
            own = row.prompt[n:]
            ids[number, longest - len(own) :] = torch.tensor(own)
            mask[number, n + longest - len(own) :] = 1
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, n:]
        cache = self.cache(len(rows), n)
        ids, mask, positions = ids.to(device), mask.to(device), positions.to(device)
        logits = self._forward(ids, mask, positions, cache)
        self.waste.computed += ids.numel()
        self.waste.padding += int(ids.numel() - mask[:, n:].sum())
        return _Prompts(list(rows), cache, mask, logits, positions[:, -1:])

    def _together(self, parts: Sequence["_Prompts"]) -> "_Prompts":
        """One batch of several; shorter ones are filled up on the left, where the mask hides it."""
        torch = self._torch
        width = max(part.mask.shape[1] for part in parts)
        missing = [width - part.mask.shape[1] for part in parts]
        pad = torch.nn.functional.pad

        def joined(layer: int, name: str) -> Any:
            tensors = [getattr(part.cache.layers[layer], name) for part in parts]
            filled = [pad(t, (0, 0, n, 0)) for t, n in zip(tensors, missing, strict=True)]
            return torch.cat(filled)

        layers = range(len(parts[0].cache.layers))
        return _Prompts(
            [row for part in parts for row in part.rows],
            self._new_cache([(joined(n, "keys"), joined(n, "values")) for n in layers]),
            torch.cat([pad(p.mask, (n, 0)) for p, n in zip(parts, missing, strict=True)]),
            torch.cat([part.logits for part in parts]),
            torch.cat([part.positions for part in parts]),
        )

    def shared_prefix(self, rows: Sequence[Prompted], adapter: str | None) -> tuple[int, ...]:
        """What all prompts begin with, computed; the last token of each stays its own."""
        if not self.can_share:
            return ()
        common = common_prefix([row.prompt for row in rows])
        if self._prefix is not None:
            owner, known, _ = self._prefix
            if owner == adapter and common[: len(known)] == known and len(known) * 2 > len(common):
                return known
        if len(common) < _LEAST_PREFIX or len(rows) < 2:
            return ()
        torch = self._torch
        cache = self._new_cache(config=self._base.model.config)
        ids = torch.tensor([common], device=self._base.device)
        positions = torch.arange(len(common), device=self._base.device)[None]
        self._forward(ids, torch.ones_like(ids), positions, cache)
        self.waste.computed += len(common)
        self._prefix = (adapter, common, cache)
        return common

    @property
    def can_share(self) -> bool:
        """Only where every layer sees all that came before."""
        config = self._base.model.config.get_text_config(decoder=True)
        kinds = getattr(config, "layer_types", None) or ["full_attention"]
        window = getattr(config, "sliding_window", None) and getattr(
            config, "use_sliding_window", True
        )
        return set(kinds) == {"full_attention"} and not window

    def cache(self, rows: int, n: int) -> Any:
        """A cache for so many rows, which holds the shared prefix of `n` tokens, or nothing."""
        if n == 0:
            return self._new_cache(config=self._base.model.config)
        assert self._prefix is not None
        layers = [
            (layer.keys.expand(rows, -1, -1, -1), layer.values.expand(rows, -1, -1, -1))
            for layer in self._prefix[2].layers
        ]
        return self._new_cache(layers)

    def as_argument(self, cache: Any) -> dict[str, Any]:
        """The cache under the name that this release of transformers gives it."""
        return {self._cache_argument: cache}

    def _forward(self, ids: Any, mask: Any, positions: Any, cache: Any) -> Any:
        """Logits of the last token of each row, float32, [rows, vocabulary]."""
        out = self._base.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            use_cache=True,
            logits_to_keep=1,
            **self.as_argument(cache),
        )
        return out.logits[:, -1].float()

    def _choose(self, rows: Sequence[Row], logits: Any) -> list[int]:
        """The next token of each row; ends the rows that are done."""
        self._hold_to_schemas(rows, logits)
        greedy = logits.argmax(-1).tolist()
        chosen = []
        for number, row in enumerate(rows):
            token = greedy[number] if row.generator is None else self._draw(row, logits[number])
            chosen.append(token)
            if token in self._ends:
                row.text, row.finish_reason = self._decode(row.tokens), "stop"
                continue
            if row.sampling.top_logprobs is not None:
                row.logprobs.append(self._logprob(token, row, logits[number]))
            row.tokens.append(token)
            if row.matcher is not None:
                row.matcher.consume_token(token)
            self._end_by_text(row)
        return chosen

    def _hold_to_schemas(self, rows: Sequence[Row], logits: Any) -> None:
        """Take away what must not follow. No token of a whole vocabulary is never left over."""
        for number, row in enumerate(rows):
            if row.matcher is not None:
                mask = allowed(row.matcher, self._torch, logits.shape[-1])
                logits[number, ~mask.to(logits.device)] = float("-inf")

    def _end_by_text(self, row: Row) -> None:
        if row.sampling.stop:
            text = self._decode(row.tokens)
            cuts = [at for stop in row.sampling.stop if (at := text.find(stop)) >= 0]
            if cuts:
                row.text, row.finish_reason = text[: min(cuts)], "stop"
                return
        if len(row.tokens) >= row.limit:
            row.text, row.finish_reason = self._decode(row.tokens), "length"

    def _draw(self, row: Row, logits: Any) -> int:
        torch = self._torch
        shares = torch.softmax(logits.cpu() / row.sampling.temperature, -1)
        if row.sampling.top_p is not None and row.sampling.top_p < 1:
            ordered, index = shares.sort(descending=True)
            before = ordered.cumsum(-1) - ordered
            shares = shares.scatter(0, index, ordered.where(before < row.sampling.top_p, 0.0))
        return int(torch.multinomial(shares, 1, generator=row.generator))

    def _logprob(self, token: int, row: Row, logits: Any) -> TokenLogprob:
        shares = self._torch.log_softmax(logits, -1)
        n = row.sampling.top_logprobs or 0
        top = shares.topk(n) if n else None
        pairs = [] if top is None else zip(top.indices.tolist(), top.values.tolist(), strict=True)
        return TokenLogprob(
            self._decode([token]),
            float(shares[token]),
            tuple((self._decode([other]), value) for other, value in pairs),
        )

    def _decode(self, tokens: Sequence[int]) -> str:
        text: str = self._base.tokenizer.decode(tokens, skip_special_tokens=True)
        return text


@dataclass(slots=True)
class _Prompts:
    """Prompts that were read, ready to be continued."""

    rows: list[Row]
    cache: Any
    mask: Any
    logits: Any
    """Of each last token: [rows, vocabulary]."""
    positions: Any
    """Of each last token: [rows, 1]."""


def by_length(rows: Sequence[Row], n: int) -> list[list[Row]]:
    """Groups, longest first, in which less than a tenth of what follows `n` tokens is padding."""
    groups: list[list[Row]] = []
    needed = 0
    for row in sorted(rows, key=lambda row: -len(row.prompt)):
        own = len(row.prompt) - n
        longest = len(groups[-1][0].prompt) - n if groups else 0
        if groups and needed + own >= (1 - MOST_PADDING) * longest * (len(groups[-1]) + 1):
            groups[-1].append(row)
            needed += own
        else:
            groups.append([row])
            needed = own
    return groups


def common_prefix(prompts: Sequence[list[int]]) -> tuple[int, ...]:
    """The tokens that all prompts begin with, short of the shortest prompt's last token."""
    first, last = min(prompts), max(prompts)
    n = 0
    most = min(len(prompt) for prompt in prompts) - 1
    while n < most and first[n] == last[n]:
        n += 1
    return tuple(first[:n])


def end_tokens(base: Base) -> frozenset[int]:
    """Ids of all tokens that end a reply, by tokenizer and generation configuration."""
    ends = {base.tokenizer.eos_token_id}
    given = getattr(base.model.generation_config, "eos_token_id", None)
    ends |= set(given) if isinstance(given, list | tuple) else {given}
    for name in ("<|im_end|>", "<|eot_id|>", "<end_of_turn>"):
        if name in base.tokenizer.get_added_vocab():
            ends.add(base.tokenizer.get_added_vocab()[name])
    return frozenset(end for end in ends if end is not None)
