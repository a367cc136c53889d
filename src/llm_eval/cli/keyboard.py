"""A terminal to label in: single keys where it is one, characters of standard input elsewhere.

with Keyboard() as keyboard:
    keyboard.key()        "2", without an Enter; what was typed ahead is kept
"""

import os
import select
import sys
from types import TracebackType
from typing import Any

from llm_eval.cli.terminal import clean, output

ESCAPE = "\x1b"
_SEQUENCE_S = 0.02
"""How long the rest of an arrow's or function key's sequence may take to come."""


class Keyboard:
    """Keys and lines from standard input; texts to standard output, made harmless."""

    def __init__(self) -> None:
        self._terminal = sys.stdin.fileno() if sys.stdin.isatty() else None
        self._before: list[Any] = []

    def __enter__(self) -> "Keyboard":
        """Give each key at once, without an Enter and unseen."""
        if self._terminal is not None:
            import termios
            import tty

            self._before = termios.tcgetattr(self._terminal)
            # Not the default, which throws away what was typed ahead.
            tty.setcbreak(self._terminal, termios.TCSADRAIN)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""
        if self._terminal is not None:
            import termios

            termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)

    def key(self) -> str:
        """The next key; empty at the end of input.

        An arrow or function key is one key, ESCAPE: the digits in its sequence are no levels.
        """
        if self._terminal is None:
            return sys.stdin.read(1)
        pressed = _character(self._terminal)
        if pressed == ESCAPE:
            _skip_sequence(self._terminal)
        return pressed

    def line(self, prompt: str) -> str:
        """A line of text, without its end; in a terminal it can be edited while it is typed."""
        output().print(prompt, end="")
        if self._terminal is None:
            return sys.stdin.readline().rstrip("\n")
        self.__exit__(None, None, None)
        try:
            return _line(self._terminal)
        finally:
            self.__enter__()

    def show(self, text: str) -> None:
        """Show text; control characters in it are made visible."""
        output().print(clean(text))


def _skip_sequence(terminal: int) -> None:
    """Read what an arrow or function key sends behind ESCAPE (ECMA-48: `[` … final byte)."""
    following = _soon(terminal)
    if following == "O":
        _soon(terminal)
    while following == "[" and (last := _soon(terminal)) and not "@" <= last <= "~":
        pass


def _soon(terminal: int) -> str:
    """A character that is there already; else nothing."""
    ready, _, _ = select.select([terminal], [], [], _SEQUENCE_S)
    return _character(terminal) if ready else ""


def _line(terminal: int) -> str:
    """A line, and no character more: `sys.stdin` would keep the keys that were typed behind it."""
    text = ""
    while (character := _character(terminal)) not in ("\n", ""):
        text += character
    return text


def _character(terminal: int) -> str:
    """One character, of however many bytes."""
    read = os.read(terminal, 1)
    while read and read[0] >= 0xC0 and len(read) < 4:
        try:
            return read.decode()
        except UnicodeDecodeError:
            read += os.read(terminal, 1)
    return read.decode(errors="replace")
