"""Fewer passes of Python's garbage collector while a run goes on.

A sample makes some hundred objects that reference counting frees at once. They still count towards
the collector's threshold of 700, so it looked at everything that is alive some thousand times a
run: a tenth of the CPU of a sample, and nothing was found.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_THRESHOLDS = (20_000, 20, 20)
"""Cycles that errors leave behind are still found: some MB at most wait for it."""

_lock = threading.Lock()
_users = 0
_before = gc.get_threshold()


@contextmanager
def fewer_collections() -> Iterator[None]:
    """Until this ends, what is alive now is not looked at, and the rest rarely; in all threads."""
    global _users, _before
    with _lock:
        _users += 1
        if _users == 1:
            _before = gc.get_threshold()
            gc.freeze()
            if gc.isenabled() and _before[0]:
                gc.set_threshold(*(max(pair) for pair in zip(_before, _THRESHOLDS, strict=True)))
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                gc.set_threshold(*_before)
                gc.unfreeze()


@contextmanager
def no_collections() -> Iterator[None]:
    """For loading modules, whose objects stay: looking through them is a tenth of a start.

    They are not looked through later either, as long as nobody unfreezes them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
