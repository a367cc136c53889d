"""Texts from templates with alternatives, so that few layouts give many different documents.

    [Total|Amount due]: {total:money}     one alternative for the whole text; then a value
    {?phone}Tel. {phone}{/}               only where the value is there; {!phone}…{/}: is not
    {#items}- {quantity:>3} {name}        once for every item, which is searched first; {.}: itself
    {#tasks}<then|after that> {.}{/}      within a loop: an alternative drawn anew at each turn

Format: `n` groups thousands, `money` adds the currency, `and` joins a list in words, `iso` is a
date in that form; `<24` and `>8` pad.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from llm_eval.datasets.generate import noise
from llm_eval.datasets.generate.dice import Dice
from llm_eval.datasets.generate.locales import Locale

_ONCE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
_ANEW = re.compile(r"<([^<>]*\|[^<>]*)>")
_TAG = re.compile(r"\{([#?!/]?)([\w.]*)(?::([a-z]*)([<>]\d+)?)?\}")

Facts = dict[str, Any]
"""The values of one document; those that its schema names are what is expected."""


@dataclass(slots=True)
class Writer:
    """Writes one document: one locale, one form of date, noise or none."""

    dice: Dice
    locale: Locale
    scan: bool
    pattern: str = field(init=False)
    dated: bool = False
    """Whether a date was written in `pattern`."""

    def __post_init__(self) -> None:
        self.pattern = self.dice.pick(self.locale.dates)

    def write(self, template: str, facts: Facts) -> str:
        """The document; where its dates have slashes, with a note on how to read them."""
        text = "".join(self._block(spin(self.dice, template, _ONCE), [facts]))
        lines = [_tidy(line) for line in text.strip().splitlines()]
        if self.dated and "{d:02}/" in self.pattern:
            note = self.dice.pick(self.locale.slashed)
            lines = [note, *lines] if self.dice.chance(0.4) else [*lines, note]
        if self.scan:
            lines.insert(self.dice.whole(0, len(lines)), noise.specks(self.dice))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))

    def _block(self, template: str, scopes: list[Any]) -> Iterator[str]:
        while (tag := _TAG.search(template)) is not None:
            yield self._literal(template[: tag.start()])
            kind, name, style, pad = tag.groups(default="")
            template = template[tag.end() :]
            if kind:
                body, template = _split(template)
                yield from self._section(kind, body, _look(name, scopes), scopes)
            else:
                shown = self.shown(_look(name, scopes), style, scopes)
                width = int(pad[1:] or 0)
                yield shown.rjust(width) if pad[:1] == ">" else shown.ljust(width)
        yield self._literal(template)

    def _section(self, kind: str, body: str, value: Any, scopes: list[Any]) -> Iterator[str]:
        if kind == "#":
            for item in value:
                yield from self._block(spin(self.dice, body, _ANEW), [*scopes, item])
        elif (kind == "?") == (value is not None and value is not False and value != []):
            yield from self._block(body, scopes)

    def _literal(self, text: str) -> str:
        return noise.scanned(self.dice, text) if self.scan else text

    def shown(self, value: Any, style: str, scopes: Sequence[Any]) -> str:
        """One value as it stands in the text."""
        if style == "money":
            return self.locale.money(Decimal(value), _look("currency", scopes))
        if isinstance(value, date):
            return value.isoformat() if style == "iso" else self._date(value)
        if isinstance(value, list):
            items = [self.shown(item, "", scopes) for item in value]
            return self.locale.joined(items) if style == "and" else ", ".join(items)
        if isinstance(value, Decimal) or style == "n":
            return self.locale.number(value)
        if value is None or isinstance(value, bool):
            raise TypeError(f"{value} has no written form: ask for it with {{?…}}")
        return str(value)

    def _date(self, value: date) -> str:
        self.dated = True
        return self.locale.date(value, self.pattern)


def spin(dice: Dice, template: str, alternatives: re.Pattern[str]) -> str:
    """`template` with one of all the alternatives in brackets, innermost first."""
    while match := alternatives.search(template):
        chosen = dice.pick(match[1].split("|"))
        template = template[: match.start()] + chosen + template[match.end() :]
    return template


def _tidy(line: str) -> str:
    """`line` without the blanks that an empty alternative or section leaves."""
    return re.sub(r"(?<=[.!?)]) {2}(?=[A-Z])", " ", re.sub(" +,", ",", line.rstrip()))


def _split(template: str) -> tuple[str, str]:
    """A section's body, and what comes after its end."""
    depth = 1
    for tag in _TAG.finditer(template):
        depth += {"/": -1, "": 0}.get(tag[1], 1)
        if not depth:
            return template[: tag.start()], template[tag.end() :]
    raise ValueError(f"a section has no {{/}}: {template[:60]!r}")


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
