"""Which family a model belongs to: judges prefer texts of their own family.

    family("openai/gpt-4o-mini")  →  "gpt"        family("hf/meta-llama/Llama-3.2-3B")  →  "llama"

Panickssery et al. 2024 (arXiv 2404.13076): self-recognition goes with self-preference.
"""

import re

_FAMILIES = {
    "gpt": r"\bgpt|\bo[134]\b|\bdavinci\b|\bchatgpt",
    "claude": r"\bclaude",
    "gemini": r"\bgemini|\bgemma|\bpalm\b",
    "llama": r"llama|\bvicuna|\balpaca",
    "mistral": r"mistral|mixtral|ministral|codestral",
    "qwen": r"\bqwen|\bqwq",
    "deepseek": r"deepseek",
    "phi": r"\bphi-?\d",
    "smollm": r"smollm",
    "granite": r"\bgranite",
    "olmo": r"\bolmo",
    "command": r"\bcommand-|\baya\b",
    "grok": r"\bgrok",
    "falcon": r"\bfalcon",
    "yi": r"\byi-",
}


def family(name: str) -> str | None:
    """The family that a model's name tells; None where it tells none."""
    text = name.partition("@")[0].lower()
    base, _, adapter = text.partition(":")  # an adapter is of its base's family, if that tells one
    models = [part.rsplit("/", 1)[-1] for part in (base, adapter)]  # `ollama/qwen2` is no llama
    found = (f for model in models for f, mark in _FAMILIES.items() if re.search(mark, model))
    return next(found, None)


def related(first: str, second: str) -> str | None:
    """The family that both models are of, or None."""
    if first == second:
        return family(first) or first
    found = family(first)
    return found if found is not None and found == family(second) else None
