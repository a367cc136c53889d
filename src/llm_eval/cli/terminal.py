"""What commands write to a terminal: tables to standard output, the rest to standard error.

Model text is data: control characters in it are shown, never obeyed.
"""

import os
import sys
from functools import cache
from typing import TYPE_CHECKING

from llm_eval.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def clean(text: str) -> str:
    """`text` with every control character made visible; newlines stay."""
    return visible(text).replace("\t", "    ")


def one_line(text: str, width: int) -> str:
    """`text` on one line of at most `width` characters."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= width else f"{flat[: width - 1]}…"


@cache
def output() -> "Console":
    """Standard output, for results."""
    return _console(stderr=False)


@cache
def notes() -> "Console":
    """Standard error, for progress and remarks."""
    return _console(stderr=True)


def table(*columns: str) -> "Table":
    """An empty table; a column whose name starts with `>` is aligned to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        right = column.startswith(">")
        made.add_column(
            column.removeprefix(">"), justify="right" if right else "left", no_wrap=True
        )
    return made


def stop_writing() -> None:
    """Whoever read our output has gone; that is no reason to stop, nor to fail at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _console(*, stderr: bool) -> "Console":
    from rich.console import Console as RichConsole

    class Console(RichConsole):
        def on_broken_pipe(self) -> None:
            stop_writing()

    stream = sys.stderr if stderr else sys.stdout
    # A file or a pipe has no width; the tables are made for 100 columns.
    width = None if stream.isatty() else 100
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=width)


def write_json(value: object) -> None:
    """`value` as the one JSON object on standard output."""
    import msgspec

    try:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        stop_writing()
