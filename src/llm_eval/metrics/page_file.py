"""The pages of a SQLite file, read without SQLite: what is damaged it refuses as a whole.

>>> with PageFile(Path("runs.db")) as file:
...     file.page(1)[:15]
b"SQLite format 3"

Format: sqlite.org/fileformat2.html. Only reads. A page stands in the write-ahead log where that has
a newer one which was committed.
"""

import os
import struct
from pathlib import Path
from types import TracebackType

MAGIC = b"SQLite format 3\0"
NODES = {2: 12, 5: 12, 10: 8, 13: 8}
"""Kinds of pages that are nodes of a tree, by their first byte, and how long their headers are."""
_SIZES = tuple(1 << n for n in range(9, 17))
_LOOKED_AT = 2000
_LOG_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
"""Of a log, and the order of bytes in its checksums."""
_LOG_HEADER, _FRAME_HEADER = 32, 24
_WORD = 0xFFFFFFFF


class PageFile:
    """One file, as it is now. Pages are numbered from 1."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            OSError: it cannot be read.
        """
        self._file = path.open("rb", buffering=0)
        header = self._read(0, 100)
        self.size = _page_size(header) or _log_page_size(path) or self._likeliest_size()
        """Bytes a page."""
        reserved = header[20] if _page_size(header) else 0
        self.usable = self.size - reserved
        """Bytes a page that SQLite fills."""
        self._log = _Log(path, self.size)
        length = os.fstat(self._file.fileno()).st_size
        self.n_pages = max(-(-length // self.size), *self._log.pages, 0)

    def __enter__(self) -> "PageFile":
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self._file.close()
        self._log.close()

    def page(self, number: int) -> bytes:
        """The page; zeros where it, or its end, is missing or cannot be read."""
        found = self._log.page(number)
        if found is None:
            found = self._read((number - 1) * self.size, self.size) if number > 0 else b""
        return found.ljust(self.size, b"\0")

    def _read(self, offset: int, length: int) -> bytes:
        try:
            return os.pread(self._file.fileno(), length, offset)
        except OSError:  # a bad block of the disk
            return b""

    def _likeliest_size(self) -> int:
        """Of a file whose header is lost: the size by which most pages are nodes of trees."""
        return max(_SIZES, key=self._count_nodes)

    def _count_nodes(self, size: int) -> int:
        pages = (self._read(number * size, size) for number in range(_LOOKED_AT))
        return sum(_is_node(page, size) for page in pages)


class _Log:
    """What of the write-ahead log was committed."""

    def __init__(self, path: Path, page_size: int) -> None:
        self.pages: dict[int, int] = {}
        """Where in the log the newest content of a page begins."""
        self._size = page_size
        file = Path(f"{path}-wal")
        self._file = file.open("rb") if file.exists() else None
        if self._file is not None:
            self._read_frames()

    def page(self, number: int) -> bytes | None:
        """The page, if it is in the log."""
        offset = self.pages.get(number)
        if offset is None or self._file is None:
            return None
        self._file.seek(offset)
        return self._file.read(self._size)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _read_frames(self) -> None:
        """Up to the last commit before the first frame that is torn or left from an older log."""
        assert self._file is not None
        header = self._file.read(_LOG_HEADER)
        if len(header) < _LOG_HEADER:
            return
        magic, _, size, _, *salts, one, two = struct.unpack(">8I", header)
        order = _LOG_MAGIC.get(magic)
        if order is None or size != self._size:
            return
        sums = _checksum(header[:24], (0, 0), order)
        if sums != (one, two):
            return
        uncommitted: dict[int, int] = {}
        while len(head := self._file.read(_FRAME_HEADER)) == _FRAME_HEADER:
            number, commits, *own_salts, one, two = struct.unpack(">6I", head)
            offset, page = self._file.tell(), self._file.read(size)
            sums = _checksum(head[:8] + page, sums, order) if len(page) == size else (0, 0)
            if own_salts != salts or sums != (one, two):
                return
            uncommitted[number] = offset
            if commits:
                self.pages |= uncommitted
                uncommitted = {}


def _page_size(header: bytes) -> int | None:
    """What a file's header says, if it is whole."""
    if len(header) < 100 or not header.startswith(MAGIC):
        return None
    size = int.from_bytes(header[16:18])
    size = 1 << 16 if size == 1 else size
    return size if size in _SIZES and header[20] <= size - 480 else None


def _log_page_size(path: Path) -> int | None:
    file = Path(f"{path}-wal")
    header = file.open("rb").read(12) if file.exists() else b""
    if len(header) < 12 or int.from_bytes(header[:4]) not in _LOG_MAGIC:
        return None
    size = int.from_bytes(header[8:12])
    return size if size in _SIZES else None


def _is_node(page: bytes, size: int) -> bool:
    if len(page) < size or page[0] not in NODES:
        return False
    n_cells, first = int.from_bytes(page[3:5]), NODES[page[0]]
    if not n_cells or first + 2 * n_cells > size:
        return False
    cells: tuple[int, ...] = struct.unpack_from(f">{n_cells}H", page, first)
    return min(cells) >= first + 2 * n_cells and max(cells) < size


def _checksum(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    """Of a log, over what it was before."""
    one, two = sums
    for x, y in struct.iter_unpack(f"{order}II", data):
        one = (one + x + two) & _WORD
        two = (two + y + one) & _WORD
    return one, two
