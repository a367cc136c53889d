"""The stub endpoint as a process of its own, on another core than what is measured."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stub(*arguments: str) -> Iterator[str]:
    """Its base URL."""
    command = [sys.executable, "-m", "llm_eval.testing.stub", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        pin(process.pid, 1)
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@contextmanager
def one_core() -> Iterator[None]:
    """This process, and what it starts, on the first core alone."""
    before = os.sched_getaffinity(0)
    pin(0, 0)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin(pid: int, number: int) -> None:
    """Keep a process on the core of that number, or on the last one that there is."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(pid, {cores[min(number, len(cores) - 1)]})
