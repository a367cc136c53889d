"""Prompt templates: Jinja in a sandbox, compiled once. A row's text is data, never a template."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, meta
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from llm_eval.errors import ConfigError, DatasetError

MAX_CHARS = 2_000_000
"""A rendered text beyond this is a mistake or an attack."""

_environment = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
)
# range(10**9) in a template would only burn time.
_environment.globals = {}


class Template:
    """One template; `render` takes a row."""

    def __init__(self, text: str) -> None:
        """Compile `text`.

        Raises:
            ConfigError: it is no Jinja template.
        """
        self.text = text
        try:
            self._compiled = _compile(text)
            self.fields = frozenset(meta.find_undeclared_variables(_environment.parse(text)))
        except TemplateSyntaxError as exc:
            raise ConfigError(f"template {text[:60]!r}: {exc.message}") from exc

    def render(self, row: Mapping[str, Any]) -> str:
        """The text for one row.

        Raises:
            DatasetError: the row lacks a field, or the template does what it may not.
        """
        try:
            rendered: str = self._compiled.render(row)
        except UndefinedError as exc:
            raise DatasetError(
                f"template {self.text[:60]!r}: {exc.message}; the row has: {', '.join(row)}"
            ) from exc
        except (SecurityError, TemplateError, TypeError, ValueError, ArithmeticError) as exc:
            raise DatasetError(f"template {self.text[:60]!r}: {exc}") from exc
        if len(rendered) > MAX_CHARS:
            raise DatasetError(
                f"template {self.text[:60]!r} made {len(rendered):,} characters; "
                f"at most {MAX_CHARS:,} are sent"
            )
        return rendered


@lru_cache(maxsize=256)
def _compile(text: str) -> Any:
    return _environment.from_string(text)
