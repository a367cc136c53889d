"""How likely a model finds a given text: for multiple choice, and for perplexity.

first, second = await model.loglikelihood("2 + 2 =", [" 4", " 5"])
first.logprob  →  -0.31        nats, the sum over its tokens
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely one text is after another."""

    logprob: float
    """Natural logarithm of the text's probability: the sum over its tokens, in nats."""
    n_tokens: int
    greedy: bool
    """Whether greedy decoding would write this very text."""

    @property
    def perplexity(self) -> float:
        """Of a token: e to the mean of the negative log-probabilities."""
        return math.exp(-self.logprob / self.n_tokens)


class LikelihoodModel(ABC):
    """A model that can say how likely a text is."""

    @abstractmethod
    async def loglikelihood(
        self, context: str, continuations: Sequence[str]
    ) -> tuple[Likelihood, ...]:
        """Of each continuation after `context`, in their order.

        Context and continuation are tokenised together, and what follows the context's tokens
        counts as the continuation. Spaces at the context's end belong to the continuation, as
        they do in training. A context that is too long loses its beginning.

        Args:
            context: plain text, used as it is; may be empty.
            continuations: at least one, none of them empty.

        Raises:
            ConfigError: there is nothing to score.
            ProviderError: it does not fit the model or the memory.
        """

    @abstractmethod
    async def rolling_loglikelihood(self, text: str) -> Likelihood:
        """Of a whole text, from its first token; of `perplexity` it is then the text's own.

        A text longer than the model's context is read in windows that do not overlap in what they
        score; the last is filled up with what came before it (as lm-eval does).

        Raises:
            ConfigError: the text is empty.
            ProviderError: it does not fit the memory.
        """
