"""How likely given tokens are: one forward pass for a context and all that may follow it.

    cache:  [ shared prefix | padding | context | answer 1 | answer 2 | … ]

Every answer sees the context and itself, and not the others: a mask says so, and the positions of
each answer begin where the context ends. What the contexts of a batch have in common (few-shot
examples) is computed once. Where a model's attention cannot take such a mask (sliding windows,
positions that are not rotary), every answer is read with its context.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

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
        wanted = [wanted for row, line in enumerate(layout) for wanted in line.wanted(row)]
        read = self._read(layout, n, tail, wanted, own_mask=not shared)
        self._count(batch, n, len(batch) * width)
        for choices in batch:
            target = choices if into is None else into
            for tokens in choices.continuations:
                parts = [next(read) for _ in tokens]
                logprob = math.fsum(logprob for logprob, _ in parts)
                greedy = all(best for _, best in parts)
                target.found.append(Likelihood(logprob, len(tokens), greedy))

    def _read(
        self,
        layout: Sequence["_Layout"],
        n: int,
        tail: int,
        wanted: Sequence["_Wanted"],
        *,
        own_mask: bool,
    ) -> Iterator[tuple[float, bool]]:
        """(log-probability, whether it is the likeliest) of each wanted token, in their order."""
        torch, device = self._torch, self._base.device
        rows, width = len(layout), layout[0].width
        ids = torch.tensor([line.ids for line in layout], device=device)
        masks = {} if own_mask else self._masks(layout)
        cache = self._decoder.cache(rows, n)
        vocabulary = self._base.model.config.get_text_config(decoder=True).vocab_size
        found: dict[int, tuple[float, bool]] = {}
        for first, last in _parts(width, tail, max(1, _MOST_LOGITS // (rows * vocabulary))):
            kept = min(last - first, max(1, last - (width - tail)))
            logits = self._base.model(
                input_ids=ids[:, first:last],
                use_cache=True,
                logits_to_keep=kept,
                **{k: _cut(v, n, first, last) for k, v in masks.items()},
                **self._decoder.as_argument(cache),
            ).logits
            here = [i for i, one in enumerate(wanted) if last - kept <= one.column < last]
            picked = self._pick(logits, [wanted[i] for i in here], last - kept)
            found |= dict(zip(here, picked, strict=True))
        return iter([found[i] for i in range(len(wanted))])

    def _masks(self, layout: Sequence["_Layout"]) -> dict[str, Any]:
        """What every token sees, and where it stands; eager attention adds its mask."""
        torch, device = self._torch, self._base.device
        mask = torch.stack([line.mask(torch) for line in layout])[:, None].to(device)
        config = self._base.model.config.get_text_config(decoder=True)
        if config._attn_implementation == "eager":  # noqa: SLF001 - transformers has no other name
            dtype = self._base.model.dtype
            hidden = torch.zeros(mask.shape, dtype=dtype, device=device)
            mask = hidden.masked_fill_(~mask, torch.finfo(dtype).min)
        positions = torch.tensor([line.positions for line in layout], device=device)
        return {"attention_mask": mask, "position_ids": positions}

    def _pick(
        self, logits: Any, wanted: Sequence["_Wanted"], offset: int
    ) -> list[tuple[float, bool]]:
        """Log-softmax in float32 over the rows that are needed, and no others."""
        if not wanted:
            return []
        torch, device = self._torch, logits.device
        rows = torch.tensor([one.row for one in wanted], device=device)
        columns = torch.tensor([one.column - offset for one in wanted], device=device)
        tokens = torch.tensor([one.token for one in wanted], device=device)
        needed = logits[rows, columns].float()
        shares = needed.gather(1, tokens[:, None])[:, 0] - needed.logsumexp(-1)
        best = needed.argmax(-1) == tokens
        return list(zip(shares.tolist(), best.tolist(), strict=True))

    def _count(self, batch: Sequence[Choices], n: int, computed: int) -> None:
        needed = sum(len(c.prompt) - n + c.limit for c in batch)
        self._decoder.waste.computed += computed
        self._decoder.waste.padding += computed - needed


class _Wanted(NamedTuple):
    """A token to score, and where the logits stand that it is scored by."""

    row: int
    column: int
    token: int


class _Layout:
    """Where the tokens of one row stand: padding, context, one answer after the other."""

    def __init__(self, choices: Choices, n: int, width: int) -> None:
        own = choices.prompt[n:]
        self.n, self.width = n, width
        self.start = width - len(own) - choices.limit
        self.context_end = self.start + len(own)
        self.ids = [0] * self.start + own
        self.positions = [0] * self.start + list(range(n, n + len(own)))
        self._sources: list[tuple[int, int]] = []
        """(column, the token that is predicted from it), answer by answer."""
        self._spans: list[tuple[int, int]] = []
        for tokens in choices.continuations:
            first, last = len(self.ids), len(self.ids) + len(tokens) - 1
            self.ids += tokens[:-1]
            self.positions += range(len(choices.prompt), len(choices.prompt) + last - first)
            columns = [self.context_end - 1, *range(first, last)]
            self._sources += zip(columns, tokens, strict=True)
            self._spans.append((first, last))

    def wanted(self, row: int) -> Iterator[_Wanted]:
        """Every token to score, answer by answer."""
        return (_Wanted(row, column, token) for column, token in self._sources)

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


def _cut(value: Any, n: int, first: int, last: int) -> Any:
    """The part of a mask or of positions that belongs to some columns; `n`: what came before."""
    return value[:, first:last] if value.dim() == 2 else value[:, :, first:last, : n + last]


def _parts(width: int, tail: int, most: int) -> Iterator[tuple[int, int]]:
    """Columns to read at once: all where the logits fit, else what is before the tail first."""
    if tail <= most:
        yield 0, width
        return
    if width > tail:
        yield 0, width - tail
    for first in range(width - tail, width, most):
        yield first, min(first + most, width)
