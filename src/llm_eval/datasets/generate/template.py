"""Texts from templates with alternatives, so that few layouts give many different documents.

    [Total|Amount due]: {total:money}     one alternative for the whole text; then a value
    {?phone}Tel. {phone}{/}               only where the value is there; {!phone}…{/}: is not
    {#items}- {quantity:>3} {name}        once for every item, which is searched first; {.}: itself
    {/}<then|after that>                  an alternative drawn anew at each place and turn

Format: `n` groups thousands, `money` adds the currency, `symbol` its sign, `and` joins a list in
words, `long` and `iso` are dates; `<24` and `>8` pad.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from llm_eval.datasets.generate import noise
from llm_eval.datasets.generate.dice import Dice
from llm_eval.datasets.generate.locales import SYMBOLS, Locale

_ONCE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
_ANEW = re.compile(r"<([^<>]*\|[^<>]*)>")
_TAG = re.compile(r"\{([#?!/]?)([\w.]*)(?::([a-z]*)([<>]\d+)?)?\}")
_LONG = {"de": "{d}. {month} {y}", "es": "{d} de {month} de {y}"}

Facts = dict[str, Any]
"""The values of one document; those that its schema names are what is expected."""


@dataclass(slots=True)
class Writer:
    """Writes one document: one locale, one form of date, noise or none."""

    dice: Dice
    locale: Locale
    scan: bool
    pattern: str = field(init=False)

    def __post_init__(self) -> None:
        self.pattern = self.dice.pick(self.locale.dates)

    def write(self, template: str, facts: Facts) -> str:
        """The document; where its dates have slashes, with a note on how to read them."""
        parts = _TAG.split(spin(self.dice, template, _ONCE))
        text = "".join(self._block(_Parts(parts), [facts]))
        lines = [line.rstrip() for line in text.strip().splitlines()]
        if "{d:02}/" in self.pattern:
            note = self.dice.pick(self.locale.slashed)
            lines = [note, *lines] if self.dice.chance(0.4) else [*lines, note]
        if self.scan:
            lines.insert(self.dice.whole(0, len(lines)), noise.specks(self.dice))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))

    def _block(self, parts: "_Parts", scopes: list[Any]) -> Iterator[str]:
        yield self._literal(parts.literal())
        while (tag := parts.tag()) is not None:
            kind, name, style, pad = tag
            if kind == "/":
                return
            if kind:
                yield from self._section(kind, name, parts, scopes)
            else:
                shown = self.shown(_look(name, scopes), style, scopes)
                width = int(pad[1:]) if pad else 0
                yield shown.rjust(width) if pad[:1] == ">" else shown.ljust(width)
            yield self._literal(parts.literal())

    def _section(
        self, kind: str, name: str, parts: "_Parts", scopes: list[Any]
    ) -> Iterator[str]:
        value = _look(name, scopes)
        there = value is not None and value is not False and value != []
        turns = value if kind == "#" else [None] * (there if kind == "?" else not there)
        start = parts.place
        for item in turns:
            parts.place = start
            yield from self._block(parts, [*scopes, item] if kind == "#" else scopes)
        if not turns:
            parts.skip()

    def _literal(self, text: str) -> str:
        text = spin(self.dice, text, _ANEW)
        return noise.scanned(self.dice, text) if self.scan else text

    def shown(self, value: Any, style: str, scopes: Sequence[Any]) -> str:
        """One value as it stands in the text."""
        if style == "symbol":
            return SYMBOLS[value]
        if style == "money":
            return self.locale.money(Decimal(value), _look("currency", scopes))
        if isinstance(value, date):
            return value.isoformat() if style == "iso" else self._date(value, style)
        if isinstance(value, list):
            items = [self.shown(item, "", scopes) for item in value]
            return self.locale.joined(items) if style == "and" else ", ".join(items)
        if isinstance(value, Decimal) or style == "n":
            return self.locale.number(value)
        if value is None or isinstance(value, bool):
            raise TypeError(f"{value} has no written form: ask for it with {{?…}}")
        return str(value)

    def _date(self, value: date, style: str) -> str:
        long = _LONG.get(self.locale.language, "{d} {month} {y}")
        return self.locale.date(value, long if style == "long" else self.pattern)


def spin(dice: Dice, template: str, alternatives: re.Pattern[str] = _ONCE) -> str:
    """`template` with one of every `[a|b]`, innermost first."""
    while match := alternatives.search(template):
        chosen = dice.pick(match[1].split("|"))
        template = template[: match.start()] + chosen + template[match.end() :]
    return template


@dataclass(slots=True)
class _Parts:
    """A split template and where the reading stands: literal, then five parts of every tag."""

    parts: list[str]
    place: int = 0

    def literal(self) -> str:
        self.place += 1
        return self.parts[self.place - 1]

    def tag(self) -> tuple[str, str, str, str] | None:
        if self.place >= len(self.parts):
            return None
        kind, name, style, pad = self.parts[self.place : self.place + 4]
        self.place += 4
        return kind, name, style or "", pad or ""

    def skip(self) -> None:
        """To behind the end of the section that was just opened."""
        depth = 1
        self.literal()
        while depth and (tag := self.tag()) is not None:
            depth += {"/": -1, "": 0}.get(tag[0], 1)
            if depth:
                self.literal()


def _look(name: str, scopes: Sequence[Any]) -> Any:
    """The value of `name`, or of `outer.inner`, in the innermost scope that has it."""
    if name == ".":
        return scopes[-1]
    first, *rest = name.split(".")
    for scope in reversed(scopes):
        if isinstance(scope, Mapping) and first in scope:
            value = scope[first]
            for key in rest:
                value = value[key]
            return value
    raise KeyError(name)
