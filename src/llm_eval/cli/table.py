"""Tables on a terminal: where it is narrow, texts give way and numbers stay whole.

    runs = Table("run", "~model", ">n", "?>p", "&note")
    runs.add_row("run_20260131_120000_abcdef", "hf/smollm2/json_v1", "120", ".03", "…")
    runs.print()

Marks before a column's name say what becomes of it: `>` stands on the right, `&` goes on in a
second line, `~` is shortened and keeps its ends, `?` is left out. Without a mark it stays whole.
"""

from collections.abc import Mapping, Sequence
from itertools import takewhile, zip_longest
from typing import TYPE_CHECKING

from llm_eval.cli.terminal import both_ends, output

if TYPE_CHECKING:
    from rich.text import Text

_GAPS = (3, 2)
"""Cells between two columns; the fewer where the terminal is narrow."""
_READABLE = {"~": 16, "&": 24}
"""How narrow a column may become while another can be left out."""
_LEAST = {"~": 8, "&": 12}


class Table:
    """Rows under a heading."""

    def __init__(self, *columns: str) -> None:
        """An empty table; names with the marks of the module's docstring."""
        self._marks = ["".join(takewhile("?>~&".__contains__, name)) for name in columns]
        self._names = [name[len(m) :] for name, m in zip(columns, self._marks, strict=True)]
        self._rows: list[Sequence[str | Text]] = []

    def add_row(self, *cells: "str | Text") -> None:
        """One cell a column; a str has been cleaned."""
        self._rows.append(cells)

    def print(self) -> None:
        """To standard output; what cannot be made to fit is broken by the terminal, not cut."""
        widths, gap = self._layout(output().width)
        self._print_row(self._names, widths, gap, style="bold")
        output().print("─" * _width(widths, gap), soft_wrap=True)
        for row in self._rows:
            self._print_row(row, widths, gap)

    def _layout(self, room: int) -> tuple[Mapping[int, int], int]:
        """The width of each column that is shown, by its number, and the gap."""
        from rich.cells import cell_len

        cells = zip(self._names, *([str(c) for c in row] for row in self._rows), strict=True)
        widths = {n: max(map(cell_len, column)) for n, column in enumerate(cells)}
        optional = [column for column in widths if "?" in self._marks[column]]
        while True:
            for gap in _GAPS:
                squeezed = self._squeezed(widths, room - gap * (len(widths) - 1), _READABLE)
                if _width(squeezed, gap) <= room:
                    return squeezed, gap
            if not optional:
                return self._squeezed(widths, room - gap * (len(widths) - 1), _LEAST), gap
            del widths[optional.pop()]

    def _squeezed(
        self, widths: Mapping[int, int], room: int, least: Mapping[str, int]
    ) -> dict[int, int]:
        """`widths` that add up to `room`, the widest made narrower first, none below its least."""
        made = dict(widths)
        floors = {n: least[m] for n in made for m in self._marks[n] if m in least}
        for _ in range(sum(made.values()) - room):
            elastic = [n for n in floors if made[n] > floors[n]]
            if not elastic:
                break
            made[max(elastic, key=made.__getitem__)] -= 1
        return made

    def _print_row(
        self, row: Sequence["str | Text"], widths: Mapping[int, int], gap: int, style: str = ""
    ) -> None:
        from rich.text import Text

        cells = [self._cell(n, row[n], width) for n, width in widths.items()]
        for lines in zip_longest(*cells):
            padded = [
                line or Text(" " * width)
                for line, width in zip(lines, widths.values(), strict=True)
            ]
            joined = Text(" " * gap).join(padded)
            joined.rstrip()
            output().print(joined, style=style, soft_wrap=True)

    def _cell(self, column: int, content: "str | Text", width: int) -> "list[Text]":
        """The lines of one cell, all `width` cells wide."""
        from rich.text import Text

        marks = self._marks[column]
        if isinstance(content, str):
            content = Text(both_ends(content, width) if "~" in marks else content)
        if "&" in marks:
            lines = [*content.wrap(output(), width, overflow="fold")]
        else:
            lines = [*content.wrap(output(), width, overflow="ellipsis", no_wrap=True)]
        for line in lines:
            line.align("right" if ">" in marks else "left", width)
        return lines


def _width(widths: Mapping[int, int], gap: int) -> int:
    return sum(widths.values()) + gap * (len(widths) - 1)
