"""What a likelihood is computed of: tokens that are given, and tokens to score after them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from llm_eval.models.likelihood import Likelihood

Encode = Callable[[str], list[int]]


@dataclass(slots=True)
class Choices:
    """One context and all that is scored after it."""

    prompt: list[int]
    """At least one token: the first score is read from the last of them."""
    continuations: list[list[int]]
    """At least one, none of them empty."""
    found: list[Likelihood] = field(default_factory=list)
    """One for each continuation, when it is done."""

    @property
    def limit(self) -> int:
        """Tokens to read after the prompt; the last one of a continuation need not be."""
        return sum(len(tokens) - 1 for tokens in self.continuations)

    @property
    def n_tokens(self) -> int:
        """Tokens that are scored."""
        return sum(map(len, self.continuations))

    def restart(self) -> None:
        """Forget what was found."""
        self.found.clear()


def encode_choices(
    encode: Encode, context: str, continuations: Sequence[str], *, start: int, most: int
) -> list[tuple[list[int], Choices]]:
    """Tokens of a question and its answers: (which of them, those that share a context).

    Tokenising context and answer together can give the context other tokens than alone, and for
    one answer others than for the next; those answers are scored apart.

    Args:
        encode: text to tokens, with the tokens that the tokenizer puts in front.
        context: what is given.
        continuations: what is scored.
        start: the token that begins a text, for an empty context.
        most: how many tokens the model reads.
    """
    body = context.rstrip()
    spaces = context[len(body) :]
    n_context = len(encode(body)) if body else 0
    groups: dict[tuple[int, ...], list[tuple[int, list[int]]]] = {}
    for number, continuation in enumerate(continuations):
        if body:
            tokens = encode(body + spaces + continuation)
            cut = min(n_context, len(tokens) - 1)
        else:
            tokens = [start, *_without(start, encode(spaces + continuation))]
            cut = 1
        tokens, cut = _shortened(tokens, cut, most)
        groups.setdefault(tuple(tokens[:cut]), []).append((number, tokens[cut:]))
    return [
        ([number for number, _ in members], Choices(list(given), [own for _, own in members]))
        for given, members in groups.items()
    ]


def windows(tokens: list[int], start: int, most: int) -> Iterator[Choices]:
    """A text cut for a model that reads `most` tokens; every token is scored once."""
    whole = [start, *_without(start, tokens)]
    done = 1
    while done < len(whole):
        end = min(done + most, len(whole))
        begin = max(0, end - most - 1)
        yield Choices(whole[begin:done], [whole[done:end]])
        done = end


def _without(start: int, tokens: list[int]) -> list[int]:
    return tokens[1:] if tokens and tokens[0] == start else tokens


def _shortened(tokens: list[int], cut: int, most: int) -> tuple[list[int], int]:
    """The end of what is too long; the last token is scored and not read."""
    lost = max(0, len(tokens) - 1 - most)
    return (tokens[lost:], max(1, cut - lost)) if lost else (tokens, cut)
