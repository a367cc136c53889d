"""Chat templates that come with a model: Jinja from somebody else's file, rendered in a sandbox.

A template is code. In a plain Jinja environment it runs whatever its author likes (CVE-2024-34359
and its kin); here it sees the messages, and neither attributes nor files.
"""

from datetime import datetime
from typing import Any, NoReturn

from jinja2 import TemplateError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from llm_eval.errors import ConfigError
from llm_eval.types import Prompt

MAX_CHARS = 4_000_000


class ChatTemplate:
    """One model's template, compiled once."""

    def __init__(self, text: str, *, bos: str = "", eos: str = "") -> None:
        """Compile `text`.

        Args:
            text: the template, as transformers defines them.
            bos: text of the token that begins a sequence; empty where the tokenizer adds it.
            eos: text of the token that ends one.

        Raises:
            ConfigError: it is no Jinja template.
        """
        self.text = text
        self._tokens = {"bos_token": bos, "eos_token": eos}
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals |= {"raise_exception": _refuse, "strftime_now": _today}
        try:
            self._compiled = environment.from_string(text)
        except TemplateError as exc:
            raise ConfigError(f"the model's chat template is no template: {exc.message}") from exc

    def render(self, messages: Prompt) -> str:
        """The text that the model continues.

        Raises:
            ConfigError: the template refuses the messages, or does what it may not.
        """
        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            text = self._compiled.render(
                messages=turns, add_generation_prompt=True, tools=None, **self._tokens
            )
        except (TemplateError, SecurityError, TypeError, ValueError, ArithmeticError) as exc:
            raise ConfigError(f"the model's chat template: {exc}") from exc
        if len(text) > MAX_CHARS:
            raise ConfigError(f"the model's chat template made {len(text):,} characters")
        return text


def plain_text(messages: Prompt) -> str:
    """The messages one after another: for base models, which have no chat template."""
    return "\n\n".join(message.content for message in messages)


def _refuse(message: Any) -> NoReturn:
    raise TemplateError(str(message))


def _today(layout: str) -> str:
    """A fixed day: a prompt must not depend on when it is sent."""
    return datetime(2026, 1, 1).strftime(layout)
