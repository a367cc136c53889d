"""How likely given tokens are: one forward pass for a context and all that may follow it.

    cache:  [ shared prefix | padding | context | answer 1 | answer 2 | … ]

Every answer sees the context and itself, and not the others: a mask says so, and the positions of
each answer begin where the context ends. What the contexts of a batch have in common (few-shot
examples) is computed once. Where a model's attention cannot take such a mask (sliding windows,
positions that are not rotary), every answer is read with its context.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from llm_eval.models.hf.base import Base
from llm_eval.models.hf.choices import Choices
from llm_eval.models.hf.decoding import Decoder
from llm_eval.models.hf.libraries import libraries
from llm_eval.models.likelihood import Likelihood

_MOST_LOGITS = 1 << 26
"""Numbers that the last layer may write at once (256 MB); longer batches are read in parts."""
_MASKED = ("sdpa", "eager")


class LikelihoodScorer:
    """Scores with one base; shares the decoder's prefix and its count of padding."""

    def __init__(self, base: Base, decoder: Decoder) -> None:
        self._torch, _ = libraries()
        self._base, self._decoder = base, decoder

    def score(self, batch: Sequence[Choices], adapter: str | None) -> None:
        """Fill in what was found of every row.

        Raises:
            torch.OutOfMemoryError: the batch is too large; nothing was found.
        """
        with self._torch.inference_mode(), self._base.using(adapter):
            if self._takes_any_mask:
                self._score_together(batch, adapter)
            else:
                for choices in batch:
                    for tokens in choices.continuations:
                        self._score_together([Choices(choices.prompt, [tokens])], None, choices)

    @property
    def _takes_any_mask(self) -> bool:
        config = self._base.model.config.get_text_config(decoder=True)
        rotary = getattr(config, "rope_parameters", None) is not None
        attention = getattr(config, "_attn_implementation", None)
        return rotary and attention in _MASKED and self._decoder.can_share

    def _score_together(
        self, batch: Sequence[Choices], adapter: str | None, into: Choices | None = None
    ) -> None:
        """Score rows at once; `into`: the row that this single one is a part of."""
        shared = into is None
        prefix = self._decoder.shared_prefix(batch, adapter) if shared else ()
        n = len(prefix)
        width = max(len(c.prompt) - n + c.limit for c in batch)
        layout = [_Layout(c, n, width) for c in batch]
        tail = 1 + max(c.limit for c in batch)
        ids = self._torch.tensor([line.ids for line in layout])
        logits = self._read(ids, layout if shared else None, n, tail)
        self._count(batch, n, ids.numel())
        for row, (choices, line) in enumerate(zip(batch, layout, strict=True)):
            target = choices if into is None else into
            for tokens, at in zip(choices.continuations, line.sources, strict=True):
                index = self._torch.tensor([i - (width - tail) for i in at], device=logits.device)
                target.found.append(self._likelihood(logits[row, index], tokens))

    def _read(self, ids: Any, layout: Sequence["_Layout"] | None, n: int, tail: int) -> Any:
        """Logits of the last `tail` columns: [rows, tail, vocabulary]."""
        torch, device = self._torch, self._base.device
        rows, width = ids.shape
        if layout is None:  # one row, nothing shared, no padding: the model's own mask
            out = self._base.model(input_ids=ids.to(device), use_cache=False, logits_to_keep=tail)
            return out.logits
        mask = torch.stack([line.mask(torch) for line in layout])[:, None].to(device)
        positions = torch.tensor([line.positions for line in layout], device=device)
        cache, ids = self._decoder.cache(rows, n), ids.to(device)
        most = max(1, _MOST_LOGITS // (rows * self._base.model.config.vocab_size))
        found = []
        for first, last in _parts(width, tail, most):
            out = self._base.model(
                input_ids=ids[:, first:last],
                attention_mask=mask[:, :, first:last, : n + last],
                position_ids=positions[:, first:last],
                use_cache=True,
                logits_to_keep=min(last - first, max(1, last - (width - tail))),
                **self._decoder.as_argument(cache),
            )
            if last > width - tail:
                found.append(out.logits)
        return torch.cat(found, dim=1) if len(found) > 1 else found[0]

    def _likelihood(self, logits: Any, tokens: Sequence[int]) -> Likelihood:
        """Log-softmax in float32 over the rows that are needed, and no others."""
        wanted = self._torch.tensor(tokens, device=logits.device)
        logits = logits.float()
        picked = logits.gather(1, wanted[:, None])[:, 0] - logits.logsumexp(-1)
        greedy = bool((logits.argmax(-1) == wanted).all())
        return Likelihood(float(picked.double().sum()), len(tokens), greedy)

    def _count(self, batch: Sequence[Choices], n: int, computed: int) -> None:
        needed = sum(len(c.prompt) - n + c.limit for c in batch)
        self._decoder.waste.computed += computed
        self._decoder.waste.padding += computed - needed


class _Layout:
    """Where the tokens of one row stand: padding, context, one answer after the other."""

    def __init__(self, choices: Choices, n: int, width: int) -> None:
        own = choices.prompt[n:]
        self.n, self.width = n, width
        self.start = width - len(own) - choices.limit
        self.context_end = self.start + len(own)
        self.ids = [0] * self.start + own
        self.positions = [0] * self.start + list(range(n, n + len(own)))
        self.sources: list[list[int]] = []
        """The columns from which each answer's tokens are predicted."""
        self._spans: list[tuple[int, int]] = []
        for tokens in choices.continuations:
            first, last = len(self.ids), len(self.ids) + len(tokens) - 1
            self.ids += tokens[:-1]
            self.positions += range(len(choices.prompt), len(choices.prompt) + last - first)
            self.sources.append([self.context_end - 1, *range(first, last)])
            self._spans.append((first, last))

    def mask(self, torch: Any) -> Any:
        """What each column sees: [width, n + width], true where it does."""
        n, width = self.n, self.width
        seen = torch.ones(width, width, dtype=torch.bool).tril()
        seen[:, : self.start] = False
        for first, last in self._spans:
            seen[last:, first:last] = False
        mask = torch.cat([torch.ones(width, n, dtype=torch.bool), seen], dim=1)
        padding = range(self.start)
        mask[padding, [n + column for column in padding]] = True  # a row of nothing gives NaN
        return mask


def _parts(width: int, tail: int, most: int) -> Iterator[tuple[int, int]]:
    """Columns to read at once: all where the logits fit, else what is before the tail first."""
    if tail <= most:
        yield 0, width
        return
    if width > tail:
        yield 0, width - tail
    for first in range(width - tail, width, most):
        yield first, min(first + most, width)
