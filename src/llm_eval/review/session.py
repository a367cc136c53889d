"""Labelling in a terminal: one reply after the other, a key for each dimension.

0…4 the level · s skip · b back to the last one · n note · c correct the reference · q leave

Every label is stored when its last dimension is given, so leaving loses nothing and the next
session goes on behind it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from llm_eval.metrics.labels import Label, Labels
from llm_eval.review.items import Item
from llm_eval.scorers.rubric import Dimension, Rubric

HELP = "0-{top} level · s skip · b back · n note · c correct the reference · q leave"


class Terminal(Protocol):
    """Where a person sits."""

    def key(self) -> str:
        """The next key; nothing at the end of input."""

    def line(self, prompt: str) -> str:
        """A line of text."""

    def show(self, text: str) -> None:
        """Show data and questions; control characters in them are made visible."""


@dataclass(slots=True)
class _Draft:
    """What was said of one reply so far."""

    levels: dict[str, int] = field(default_factory=dict)
    note: str = ""
    correction: str = ""


class LabelSession:
    """One rater's pass over some replies."""

    def __init__(
        self,
        items: Sequence[Item],
        rubric: Rubric,
        labels: Labels,
        terminal: Terminal,
        *,
        rater: str,
        now: Callable[[], str],
        drawn: str = "random",
    ) -> None:
        """Prepare a session.

        Args:
            items: in the order to label them; those with a label are to be left out.
            rubric: what is labelled by.
            labels: where labels go.
            terminal: where they come from.
            rater: whose they are.
            now: the time, ISO 8601, UTC.
            drawn: how the items were chosen.
        """
        self._items, self._rubric, self._labels = items, rubric, labels
        self._terminal, self._rater, self._now, self._drawn = terminal, rater, now, drawn
        self._stored: dict[int, Label] = {}

    def run(self) -> int:
        """Label until the end or until the rater leaves; how many labels were stored."""
        position = 0
        if self._rubric.guideline:
            self._terminal.show(f"Guideline: {self._rubric.guideline}")
        while 0 <= position < len(self._items):
            step = self._one(position)
            if step is None:
                break
            position = max(0, position + step)
            if step < 0 and (label := self._stored.pop(position, None)) is not None:
                self._labels.remove(label)
        return len(self._stored)

    def _one(self, position: int) -> int | None:
        """Label one reply: 1 to go on, -1 to go back, None to leave."""
        item, draft = self._items[position], _Draft()
        self._show(position, item)
        for dimension in self._rubric.dimensions:
            step = self._ask(dimension, draft)
            if step is not None:
                return None if step == 0 else step
        label = Label(
            item=item.item,
            scale=self._rubric.scale,
            rater=self._rater,
            sample_key=item.sample_key,
            created_at=self._now(),
            levels=draft.levels,
            drawn=self._drawn,
            note=draft.note,
            correction=draft.correction,
        )
        self._labels.put([label])
        self._stored[position] = label
        return 1

    def _ask(self, dimension: Dimension, draft: _Draft) -> int | None:
        """Ask for one level: None when it is given, else where to go (0 leaves)."""
        self._terminal.show(_question(dimension))
        while True:
            key = self._terminal.key()
            if key.isdecimal() and int(key) < len(dimension.levels):
                draft.levels[dimension.name] = int(key)
                return None
            if key in ("q", "", "\x04"):
                return 0
            if key in "sb":
                return 1 if key == "s" else -1
            if key == "n":
                draft.note = self._terminal.line("note: ")
            elif key == "c":
                draft.correction = self._terminal.line("the reference should be: ")
            elif not key.isspace():
                self._terminal.show(HELP.format(top=len(dimension.levels) - 1))

    def _show(self, position: int, item: Item) -> None:
        parts = [f"── {position + 1} of {len(self._items)} ──", f"question:\n{item.question}"]
        if item.reference is not None:
            parts.append(f"reference:\n{item.reference}")
        parts.append(f"reply:\n{item.reply or '(empty)'}")
        self._terminal.show("\n\n".join(parts))


def _question(dimension: Dimension) -> str:
    levels = "\n".join(
        f"  {position}  {level.name}: {level.means}"
        for position, level in enumerate(dimension.levels)
    )
    return f"\n{dimension.name}: {dimension.question}\n{levels}"
