"""Files that are whole or not there: written beside their place, synced, then put into it.

with replacing("data/exports/summary.csv") as stream:
    stream.write(b"…")     # an error in here leaves an older file as it was
"""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from llm_eval.errors import ConfigError


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """A stream that becomes the file `path` when the block ends well; directories are made.

    A symbolic link stays, and what it points to is replaced. The mode of an older file is kept.
    A pipe or a device, which cannot be replaced, is written as it comes.

    Raises:
        ConfigError: the directory cannot be made or written, or the disk is full.
    """
    if _is_written_through(Path(path)):
        with _through(Path(path)) as stream:
            yield stream
        return
    target = Path(path).resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise ConfigError(f"{path} is a directory; name a file in it")
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be written: {exc.strerror or exc}") from exc
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield cast("BinaryIO", stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(_mode(target))
        temporary.replace(target)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise ConfigError(f"{path}: cannot be written: {exc.strerror or exc}") from exc
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _is_written_through(path: Path) -> bool:
    """Whether it is a pipe or a device: `/dev/null` with a file in its place ruins the machine."""
    try:
        kind = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(kind) and not stat.S_ISDIR(kind)


@contextmanager
def _through(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("wb") as stream:
            yield stream
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be written: {exc.strerror or exc}") from exc


def _mode(target: Path) -> int:
    """Of the file that is replaced, else what `open` would give; mkstemp gives 0600."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
