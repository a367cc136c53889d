"""A process that cannot outlive us, and the last lines that it said.

child = Child(["vllm", "serve", …], environment={…}, secrets=(key,))
child.start()
…
await child.stop()      # or just go away: the keeper sees that nobody holds the other end
"""

import asyncio
import os
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from llm_eval.errors import ConfigError
from llm_eval.visible import visible

_KEEPER = Path(__file__).with_name("keeper.py")
_LINES = 200
_MAX_LINE = 4000
_ERROR = re.compile(r"\b[A-Za-z]*(Error|Exception): \S")
"""What Python says of an exception: behind the first one, others only report that it happened."""
_LOOK_S = 0.02
_MARGIN_S = 5.0
"""What the keeper may take beyond the time that the command has to end by itself."""


class Child:
    """One command under a keeper, in a process group of its own."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        secrets: Sequence[str] = (),
        grace_s: float = 10.0,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """Describe the process.

        Args:
            command: program and arguments; every user of the machine can read them.
            environment: all of its environment.
            secrets: values that no line may show.
            grace_s: seconds between SIGTERM and SIGKILL.
            on_line: told every line of its output, from a thread.
        """
        self.command = tuple(command)
        self._environment = dict(environment)
        self._secrets = tuple(secrets)
        self._grace_s = grace_s
        self._on_line = on_line
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._first_error: str | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Start it.

        Raises:
            ConfigError: processes cannot be kept on this system, or none can be started.
        """
        if os.name != "posix":
            raise ConfigError(
                "servers are started on Linux and macOS only; start it yourself and name it: "
                "vllm/NAME@http://127.0.0.1:8000/v1"
            )
        keeper = [sys.executable, "-I", str(_KEEPER), str(self._grace_s), *self.command]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
                keeper,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for us; we stop it in our own order
            )
        except OSError as exc:
            raise ConfigError(f"{self.command[0]} cannot be started: {exc.strerror}") from exc
        self._reader = threading.Thread(target=self._read, name="server-log", daemon=True)
        self._reader.start()

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return None if self._process is None else self._process.poll()

    def tail(self, n: int = 15) -> str:
        """The first error that it named, and the last `n` lines that it said, indented."""
        if self.exit_code is not None and self._reader is not None:
            self._reader.join(1.0)  # what it said last is worth most
        lines = list(self._lines)[-n:]
        if self._first_error is not None and self._first_error not in lines:
            lines = [self._first_error, "…", *lines]
        return "\n".join(f"    {line}" for line in lines)

    def release(self) -> None:
        """Let go of it, without waiting: the keeper stops it now. Safe to call twice."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    async def stop(self) -> None:
        """Let go of it, and wait until it and all that it started have ended."""
        self.release()
        process = self._process
        if process is None:
            return
        loop = asyncio.get_running_loop()
        end = loop.time() + 2 * self._grace_s + _MARGIN_S
        while process.poll() is None and loop.time() < end:  # noqa: ASYNC110 - a process
            await asyncio.sleep(_LOOK_S)
        if process.poll() is None:
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join(1.0)

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            while line := stream.readline(_MAX_LINE):
                text = visible(line.decode(errors="replace").rstrip())
                for secret in self._secrets:
                    text = text.replace(secret, "[key]")
                if text:
                    self._lines.append(text)
                    if self._first_error is None and _ERROR.search(text):
                        self._first_error = text
                    if self._on_line is not None:
                        self._on_line(text)
