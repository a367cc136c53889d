"""How sure a judge was of each level: the log-probabilities of the one token that says it.

    …"verdict": {"correctness": "2"}    P("2") = .7, P("1") = .3   →  (0.0, 0.3, 0.7)

A weighted score separates replies that would tie on levels (G-Eval, Liu et al. 2023). It is another
scale than the levels', so a run uses one of the two for all of its samples.
"""

import math
import re
from collections.abc import Mapping

from llm_eval.scorers.rubric import Rubric
from llm_eval.types import ModelResponse, TokenLogprob

TOP = 10
"""Alternatives asked for at each token: five levels, and some noise."""
_LEAST_MASS = 0.5
"""Of the probability at the token, how much has to be on levels for the rest to be noise."""


def level_weights(
    response: ModelResponse, rubric: Rubric
) -> Mapping[str, tuple[float, ...]] | None:
    """Each dimension's probabilities by level; None where the reply does not tell them.

    Args:
        response: a reply that was read as a verdict.
        rubric: what it was graded by.
    """
    text = "".join(token.token for token in response.logprobs)
    start = re.search(r'"verdict"\s*:\s*\{', text)
    if start is None:
        return None
    weights: dict[str, tuple[float, ...]] = {}
    for dimension in rubric.dimensions:
        key = re.compile(rf'"{dimension.name}"\s*:\s*"?').search(text, start.end())
        found = None if key is None else _at(response.logprobs, key.end(), len(dimension.levels))
        if found is None:
            return None
        weights[dimension.name] = found
    return weights


def _at(tokens: tuple[TokenLogprob, ...], position: int, n_levels: int) -> tuple[float, ...] | None:
    """Probabilities of the levels at the token that covers a character of the reply."""
    begin = 0
    for token in tokens:
        if begin + len(token.token) > position:
            return _normalised(token, token.token[: position - begin], n_levels)
        begin += len(token.token)
    return None


def _normalised(token: TokenLogprob, before: str, n_levels: int) -> tuple[float, ...] | None:
    alternatives = {token.token: token.logprob, **dict(token.top)}
    mass = [0.0] * n_levels
    for text, logprob in alternatives.items():
        level = _level(text, before)
        if level is not None and level < n_levels:
            mass[level] += math.exp(logprob)
    total = sum(mass)
    return tuple(share / total for share in mass) if total >= _LEAST_MASS else None


def _level(text: str, before: str) -> int | None:
    """The level that a token says; the quotation mark may be a part of it."""
    said = text.removeprefix(before) if before else text.lstrip(' "')
    match = re.match(r"(\d)(?!\d)", said)
    return int(match[1]) if match and (not before or text.startswith(before)) else None
