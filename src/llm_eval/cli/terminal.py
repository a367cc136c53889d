"""What commands write to a terminal: tables to standard output, the rest to standard error.

Model text is data: control characters in it are shown, never obeyed.
"""

import os
import sys
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO, cast

from llm_eval.visible import visible

if TYPE_CHECKING:
    from rich.console import Console


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


def both_ends(text: str, width: int) -> str:
    """`text` in at most `width` characters, its middle left out."""
    if len(text) <= width:
        return text
    name, at, _ = text.partition("@")  # of NAME@URL the name, as far as the URL keeps its share
    start = max(width // 3, min(len(name + at), 2 * width // 3)) if at else (width - 1) // 3
    return f"{text[:start]}…{text[len(text) - (width - 1 - start) :]}"


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
    file = cast("TextIO", _Remarks()) if stderr else None
    return Console(file=file, highlight=False, markup=False, emoji=False, width=width)


class _Remarks:
    """Standard error; what it does not take is dropped.

    Its disk is full, or its terminal is closed: no run ends for that, and no exit code changes.
    """

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    @property
    def rich_proxied_file(self) -> "_Remarks":
        """Rich asks for what is behind a stream, and would write past us."""
        return self

    @property
    def _stream(self) -> Any:
        """As it is now; a progress bar puts its own before it."""
        return getattr(sys.stderr, "rich_proxied_file", sys.stderr)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def write_json(value: object) -> None:
    """`value` as the one JSON object on standard output."""
    import msgspec

    try:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        stop_writing()
