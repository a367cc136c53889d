"""A temporary file for what a run has one of for each sample: memory does not grow with the run.

It has no name, so nothing is left of it however the process ends. What is small stays in memory.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any
from weakref import finalize

from numpy.typing import NDArray

from llm_eval.errors import StoreError

_IN_MEMORY_BYTES = 1 << 20


class Spool:
    """Bytes that are appended once and read often, by one thread at a time."""

    def __init__(self) -> None:
        """Empty; its file is closed when nobody refers to it any more."""
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
        self._end = 0
        finalize(self, _close, self._file)

    def append(self, data: bytes | NDArray[Any]) -> int:
        """Where `data` begins from now on.

        Raises:
            StoreError: the disk is full, or there is no directory for temporary files.
        """
        start = self._end
        with _explained():
            self._file.seek(start)
            self._end += self._file.write(data)  # type: ignore[arg-type]  # an array is a buffer too
            self._file.flush()
        return start

    def read_into(self, start: int, target: NDArray[Any]) -> None:
        """Fill `target` with what stands at `start`.

        Raises:
            StoreError: the file cannot be read.
        """
        with _explained():
            self._file.seek(start)
            self._file.readinto(target)  # type: ignore[arg-type]  # so it is here


def _close(file: IO[Any]) -> None:
    with suppress(OSError):  # what a full disk refused, it refuses once more
        file.close()


@contextmanager
def _explained() -> Iterator[None]:
    """Errors of the file as `StoreError`, with what to do about them."""
    try:
        yield
    except OSError as exc:
        raise StoreError(
            f"temporary file in {tempfile.tempdir}: {exc.strerror or exc}; "
            f"free some space, or name another directory by TMPDIR"
        ) from exc
