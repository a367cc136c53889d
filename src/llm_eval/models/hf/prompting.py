"""From messages to the tokens that a checkpoint continues: the same for evaluation and training."""

from collections.abc import Mapping
from typing import Any

from llm_eval.errors import ConfigError
from llm_eval.models.chat_template import plain_text
from llm_eval.types import Prompt


def prompt_tokens(
    tokenizer: Any, messages: Prompt, options: Mapping[str, Any] | None = None
) -> list[int]:
    """Token ids of the prompt, up to where the reply begins.

    Args:
        tokenizer: of the checkpoint; without a chat template the messages follow one another.
        messages: the conversation so far.
        options: further values for the template, such as `enable_thinking`.

    Raises:
        ConfigError: the template refuses the messages.
    """
    if tokenizer.chat_template is None:
        return list(tokenizer(plain_text(messages))["input_ids"])
    turns = [{"role": m.role, "content": m.content} for m in messages]
    text = _templated(tokenizer, turns, options or {})
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _templated(tokenizer: Any, turns: list[dict[str, str]], options: Mapping[str, Any]) -> str:
    """The text that the model continues; a system message moves where the template takes none."""
    try:
        text: str = tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True, **options
        )
    except Exception as exc:
        if _has_system(turns):
            return _templated(tokenizer, _merged(turns), options)
        raise ConfigError(f"the model's chat template: {exc}") from exc
    if _has_system(turns) and turns[0]["content"].strip() not in text:  # dropped without a word
        return _templated(tokenizer, _merged(turns), options)
    return text


def _has_system(turns: list[dict[str, str]]) -> bool:
    return len(turns) > 1 and turns[0]["role"] == "system"


def _merged(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    """The system message in front of the first turn's."""
    content = f"{turns[0]['content']}\n\n{turns[1]['content']}"
    return [{**turns[1], "content": content}, *turns[2:]]
