"""A terminal to label in: single keys where it is one, characters of standard input elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from llm_eval.cli.terminal import clean, output


class Keyboard:
    """Keys and lines from standard input; texts to standard output, made harmless."""

    def key(self) -> str:
        """The next key; empty at the end of input."""
        if not sys.stdin.isatty():
            return sys.stdin.read(1)
        with _unbuffered():
            pressed = sys.stdin.read(1)
        if pressed == "\x03":
            raise KeyboardInterrupt
        return pressed

    def line(self, prompt: str) -> str:
        """A line of text, without its end."""
        output().print(prompt, end="")
        return sys.stdin.readline().rstrip("\n")

    def show(self, text: str) -> None:
        """Show text; control characters in it are made visible."""
        output().print(clean(text))


@contextmanager
def _unbuffered() -> Iterator[None]:
    """Each key at once, without an Enter."""
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
