"""Keeps one process, and everything that it starts, alive no longer than whoever asked for it.

    python keeper.py GRACE_S COMMAND…

The keeper's standard input is its lifeline: when the other end closes, because the owner let go or
because it died in whatever way, the command gets SIGTERM, after GRACE_S seconds its whole process
group SIGKILL, and so does every descendant that hid in a session of its own. Should the keeper
itself be killed, the kernel kills the command. A file of the standard library only, so
that it starts at once.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_LOOK_S = 0.1
_LINGER_S = 1.0
"""What helpers of a program that has ended may take to clean up after it."""


def keep(command: list[str], grace_s: float) -> int:
    """Run `command` until it ends or the lifeline closes; its exit code, 128 + n for a signal."""
    owner = os.getppid()
    asked_to_stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda got, _frame: asked_to_stop.append(got))
    _control(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        child = subprocess.Popen(  # noqa: S603 - the owner's own arguments, no shell
            command, stdin=subprocess.DEVNULL, process_group=0, preexec_fn=_die_with_parent
        )
    except OSError as exc:
        sys.stderr.write(f"{command[0]}: {exc.strerror}\n")
        return 127
    while child.poll() is None and not asked_to_stop and os.getppid() == owner:
        if _lifeline_closed():
            break
    _stop(child, grace_s)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _lifeline_closed() -> bool:
    """Look at standard input, for a moment at most."""
    ready, _, _ = select.select([0], [], [], _LOOK_S)
    return bool(ready) and os.read(0, 1024) == b""


def _stop(child: "subprocess.Popen[bytes]", grace_s: float) -> None:
    """Ask the child, which ends its own; kill its group; kill whatever else descends from it."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace_s)
    if child.poll() is not None:
        _reap_until(time.monotonic() + _LINGER_S)
    if child.poll() is None or sys.platform != "linux" or _children():
        _signal_group(child.pid, signal.SIGKILL)
    child.wait()
    end = time.monotonic() + grace_s
    while (orphans := _children()) and time.monotonic() < end:
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _reap_until(time.monotonic() + _LOOK_S)


def _reap_until(end: float) -> None:
    """Until nobody is left, or it is `end`."""
    while _children() and time.monotonic() < end:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        time.sleep(0.01)


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _children() -> list[int]:
    """Processes whose parent we are: as a subreaper also those whose own parent has ended."""
    try:
        told = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    except OSError:
        return []
    return [int(pid) for pid in told.split()]


def _die_with_parent() -> None:
    """In the child, before it becomes the command: no signal of ours, killed when we are."""
    _control(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _control(option: int, value: int) -> None:
    """`prctl`, where the system is Linux; elsewhere only the lifeline holds."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(keep(sys.argv[2:], float(sys.argv[1])))
