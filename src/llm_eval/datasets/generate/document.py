"""A type of document: what is asked of it, how its facts are drawn, how it is laid out.

LOAN = DocumentType("library_loan", "easy", LOAN_SCHEMA, draw_loan, (Layout("en", "…"), …))
LOAN.make(Dice("1"))  →  Document(text="Dear …", expected={"due": "2024-03-14", …})
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from inspect import cleandoc
from typing import Any, Literal, NamedTuple

from llm_eval.datasets.generate.dice import Dice
from llm_eval.datasets.generate.fields import Schema
from llm_eval.datasets.generate.locales import LOCALES, Locale
from llm_eval.datasets.generate.template import Facts, Writer

Slice = Literal["easy", "medium", "hard", "domain_specific"]


class Document(NamedTuple):
    """A text and what is in it."""

    text: str
    expected: dict[str, Any]


class Layout(NamedTuple):
    """One way to write a type of document."""

    locales: str
    """Codes of `LOCALES`, separated by blanks; one is drawn."""
    template: str
    scan: bool = False


@dataclass(frozen=True, slots=True)
class DocumentType:
    """One type of document."""

    name: str
    slice: Slice
    schema: Schema
    facts: Callable[[Dice, Locale], Facts]
    layouts: tuple[Layout, ...]
    held_out: bool = False
    """Never in the training split."""

    def make(self, dice: Dice) -> Document:
        """One document of this type."""
        layout = dice.pick(self.layouts)
        locale = LOCALES[dice.pick(layout.locales.split())]
        facts = self.facts(dice, locale)
        text = Writer(dice, locale, layout.scan).write(cleandoc(layout.template), facts)
        return Document(text, _expected(self.schema, facts))


def _expected(schema: Mapping[str, Any], value: Any) -> Any:
    """The part of `value` that `schema` asks for, as JSON."""
    if isinstance(value, Mapping):
        return {name: _expected(inner, value[name]) for name, inner in schema["properties"].items()}
    if isinstance(value, list):
        return [_expected(schema["items"], item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value
