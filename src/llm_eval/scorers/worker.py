"""A process that grades: `python -m llm_eval.scorers.worker`, frames of pickle in and out.

Each frame is its length in eight bytes and a pickle. In: (scorer, sample, answer). Out: a list of
scores, an `EvalError`, any other failure in words, or None: the scorer cannot be read here, as a
class of the user's own script, or its scores cannot be sent. It ends when nobody can write to it.
Only our own pool speaks to it, over pipes of its own: what is unpickled here was pickled by us.
"""

import os
import pickle
import signal
import struct
import sys
from typing import Any, BinaryIO

from llm_eval.errors import EvalError

LENGTH = struct.Struct("<Q")


def main() -> None:
    """Grade until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which drains
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a scorer prints is no frame
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        write_frame(out, _graded(frame))


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next frame's bytes; None at the end."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return stream.read(LENGTH.unpack(head)[0])


def write_frame(stream: BinaryIO, data: bytes) -> None:
    """One frame."""
    stream.write(LENGTH.pack(len(data)) + data)
    stream.flush()


def _graded(frame: bytes) -> bytes:
    try:
        scorer, sample, answer = pickle.loads(frame)  # noqa: S301 - see above
    except Exception:  # noqa: BLE001 - whatever importing it raises: it is graded where it is known
        return pickle.dumps(None)
    outcome: Any
    try:
        outcome = list(scorer.grade(sample, answer))
    except EvalError as exc:
        outcome = exc
    except Exception as exc:  # noqa: BLE001 - told to the run, which marks the metric
        outcome = f"{type(exc).__name__}: {exc}"
    try:
        return pickle.dumps(outcome)
    except Exception:  # noqa: BLE001 - pickle raises what it likes
        return pickle.dumps(None)


if __name__ == "__main__":
    main()
