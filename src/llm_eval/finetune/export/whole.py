"""Files and directories that are whole or not there: made beside their place, then put into it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llm_eval.errors import ConfigError


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A path to write to; it becomes `target` when the block ends well.

    Raises:
        ConfigError: the place cannot be written, or the disk is full.
    """
    if target.is_dir():
        raise ConfigError(f"{target} is a directory; name a file in it")
    with _beside(target) as scratch:
        made = scratch / target.name
        yield made
        _sync(made)
        made.replace(target)


@contextmanager
def whole_directory(target: Path) -> Iterator[Path]:
    """A directory to fill; it becomes `target`, which must not be there yet.

    Raises:
        ConfigError: `target` is there, cannot be written, or the disk is full.
    """
    if target.exists():
        raise ConfigError(f"{target} is there already; name a directory that is not")
    with _beside(target) as scratch:
        made = scratch / target.name
        made.mkdir()
        yield made
        for file in made.iterdir():
            _sync(file)
        made.replace(target)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    except OSError as exc:
        raise ConfigError(f"{target}: cannot be written: {exc.strerror or exc}") from exc
    try:
        yield scratch
    except OSError as exc:
        raise ConfigError(f"{target}: cannot be written: {exc.strerror or exc}") from exc
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _sync(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
