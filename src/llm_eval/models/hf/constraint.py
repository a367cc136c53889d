"""Replies held to a JSON Schema: which tokens may come next, by llguidance.

    matcher = constraints.matcher({"type": "object", …})
    mask = allowed(matcher, vocabulary)        # true where the token may follow

The JSON is written as `json.dumps` writes it, in one line: with free whitespace small models fill
their whole reply with it.
"""

import json
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from llm_eval.errors import ProviderError
from llm_eval.models.hf.libraries import library

_LAYOUT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


class Constraints:
    """Grammars over one tokenizer's vocabulary; each schema is compiled once."""

    def __init__(self, tokenizer: Any, vocabulary: int, ends: Iterable[int]) -> None:
        """Prepare nothing yet: the vocabulary's tree takes up to a second.

        Args:
            tokenizer: transformers' own.
            vocabulary: how many logits the model writes, often more than there are tokens.
            ends: tokens that end a reply.
        """
        self._tokenizer, self._vocabulary, self._ends = tokenizer, vocabulary, list(ends)
        self._tree: Any = None
        self._compiled: dict[str, Any] = {}
        self._lock = threading.Lock()

    def matcher(self, schema: Mapping[str, Any]) -> Any:
        """A fresh matcher for one reply.

        Raises:
            ConfigError: llguidance is missing.
            ProviderError: the schema says something that no grammar can hold to.
        """
        llguidance = library("llguidance", "hf")
        text = json.dumps(schema, sort_keys=True)
        with self._lock:
            if self._tree is None:
                self._tree = library("llguidance.hf", "hf").from_tokenizer(
                    self._tokenizer, self._vocabulary, self._ends
                )
            if text not in self._compiled:
                self._compiled[text] = _compile(llguidance, self._tree, schema)
            return self._compiled[text].deep_copy()


def allowed(matcher: Any, torch: Any, vocabulary: int) -> Any:
    """Which tokens may come next: booleans, [vocabulary]."""
    bits = torch.frombuffer(bytearray(matcher.compute_bitmask()), dtype=torch.uint8)
    spread = (bits[:, None] >> torch.arange(8, dtype=torch.uint8)) & 1
    mask = torch.zeros(vocabulary, dtype=torch.bool)
    flat = spread.flatten()[:vocabulary].bool()
    mask[: len(flat)] = flat
    return mask


def _compile(llguidance: Any, tree: Any, schema: Mapping[str, Any]) -> Any:
    try:
        grammar = llguidance.LLMatcher.grammar_from_json_schema(dict(schema), overrides=_LAYOUT)
        matcher = llguidance.LLMatcher(tree, grammar, log_level=0)
        problem = matcher.get_error() if matcher.is_error() else None
    except ValueError as exc:
        problem = str(exc)
    if problem:
        raise ProviderError(
            f"no reply can be held to this JSON Schema: {problem.splitlines()[0]}; run without "
            f"--constrain, or simplify the schema",
            code="schema",
        )
    return matcher
