"""Names to objects: an explicit table of `name → "module:attribute"`, and entry points.

Nothing is imported until it is asked for, and nothing registers itself by being imported. Other
packages add names with an entry point in the group `llm_eval.KIND`.
"""

import difflib
import importlib
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any, Literal

from llm_eval.errors import ConfigError

Kind = Literal["providers", "tasks", "scorers"]

_LISTED = 20
"""Names in a message, at most: it stays a line where a run has thousands of samples."""

BUILT_IN: Mapping[Kind, Mapping[str, str]] = {
    "providers": {
        "openai": "llm_eval.models.api_model:APIModel",
        "anthropic": "llm_eval.models.anthropic_model:AnthropicModel",
        "gguf": "llm_eval.models.gguf_model:GGUFModel",
        "local": "llm_eval.models.gguf_model:GGUFModel",
        "llamacpp": "llm_eval.models.served_model:ServedModel",
        "vllm": "llm_eval.models.served_model:ServedModel",
        "hf": "llm_eval.models.hf_model:HFModel",
    },
    "tasks": {
        "json": "llm_eval.tasks.json_extraction:JSONExtractionTask",
        "qa": "llm_eval.tasks.qa_task:QATask",
    },
    "scorers": {
        "exact_match": "llm_eval.scorers.deterministic:ExactMatch",
        "token_f1": "llm_eval.scorers.deterministic:TokenF1",
        "numeric_match": "llm_eval.scorers.deterministic:NumericMatch",
        "contains": "llm_eval.scorers.deterministic:Contains",
        "regex": "llm_eval.scorers.deterministic:RegexMatch",
        "choice": "llm_eval.scorers.deterministic:Choice",
        "json_fields": "llm_eval.scorers.json_fields:JSONFields",
        "llm_judge": "llm_eval.scorers.llm_judge:LLMJudge",
    },
}


def names(kind: Kind) -> list[str]:
    """Every name of this kind, built in or from an installed package."""
    return sorted({*BUILT_IN[kind], *(e.name for e in entry_points(group=f"llm_eval.{kind}"))})


def is_known(kind: Kind, name: str) -> bool:
    """Whether there is such a name; installed packages are only looked through if need be."""
    return name in BUILT_IN[kind] or name in names(kind)


def resolve(kind: Kind, name: str) -> Any:
    """The object behind `name`.

    Raises:
        ConfigError: the name is unknown (the message suggests the nearest one), or what it names
            cannot be imported.
    """
    what = kind.removesuffix("s")
    try:
        if (target := BUILT_IN[kind].get(name)) is not None:
            module, _, attribute = target.partition(":")
            return getattr(importlib.import_module(module), attribute)
        for entry in entry_points(group=f"llm_eval.{kind}", name=name):
            return entry.load()
    except (ImportError, AttributeError) as exc:
        raise ConfigError(f"{what} {name!r} cannot be loaded: {exc}") from exc
    raise ConfigError(unknown(what, name, names(kind)))


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """`unknown WHAT 'NAME'`, with the nearest known name, or all of them."""
    return f"unknown {what} {name!r}; {nearest(name, known)}"


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean 'NAME'?`; where none is near, what is known, or the first of many."""
    known = sorted(set(known))
    if near := difflib.get_close_matches(name, known, n=1):
        return f"did you mean {near[0]!r}?"
    more = f", … and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    return f"known: {', '.join(known[:_LISTED]) or 'none'}{more}"
