"""sha256 of large files, remembered as long as size and time of change stay the same."""

import hashlib
from functools import lru_cache
from pathlib import Path


def file_sha256(path: Path) -> str:
    """64 hexadecimal digits of the file's content."""
    facts = path.stat()
    return _sha256(str(path.resolve()), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=256)
def _sha256(path: str, _size: int, _mtime_ns: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_digest(digests: dict[str, str]) -> str:
    """One digest of several files: their names and contents, in the order of the names."""
    running = hashlib.sha256()
    for name in sorted(digests):
        running.update(f"{name}\0{digests[name]}\n".encode())
    return running.hexdigest()
