"""Rows in the trees of a SQLite file, where parts of the trees are gone.

>>> rows(file, leaf)
[(1, [1, 7, "run_20251201_…", LOST])]        row id, and the values of its columns

A row is a cell of a leaf; what does not fit there goes on in a chain of other pages. What is behind
a break in the chain is `LOST`; whether a row makes sense is for others to say.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from llm_eval.metrics.page_file import NODES, PageFile

TABLE_LEAF, _TABLE_INNER, _INDEX_LEAF, _INDEX_INNER = 13, 5, 10, 2
_INNER = (_TABLE_INNER, _INDEX_INNER)
_HEADER_OF_FILE = 100
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Bytes of an integer, by its type in a record."""


class _Lost:
    def __repr__(self) -> str:
        return "LOST"


LOST: Final = _Lost()
"""A value that cannot be read."""
Value = None | int | float | str | bytes | _Lost
Row = tuple[int, list[Value]]


@dataclass(slots=True)
class Tree:
    """What can be reached from a root."""

    leaves: list[int] = field(default_factory=list)
    n_cells: int = 0
    """Of leaves, and of an index's inner nodes too: its entries."""
    n_broken: int = 0
    """Pages that should be nodes of it and are none."""


def tree(file: PageFile, root: int, seen: set[int]) -> Tree:
    """The tree of a root, without what was `seen` in another; what is found is added to that."""
    found, todo = Tree(), [root]
    while todo:
        number = todo.pop()
        node = _Node.read(file, number)
        if node is None or number in seen:
            found.n_broken += 1
            continue
        seen.add(number)
        if node.kind in _INNER:
            todo += reversed(node.children())
        else:
            found.leaves.append(number)
        found.n_cells += 0 if node.kind == _TABLE_INNER else len(node.cells)
    return found


def is_table_leaf(file: PageFile, number: int) -> bool:
    """Whether the page holds rows of a table."""
    node = _Node.read(file, number)
    return node is not None and node.kind == TABLE_LEAF and bool(node.cells)


def free_pages(file: PageFile) -> set[int]:
    """Pages that hold nothing any more, as far as the list of them can be followed."""
    found: set[int] = set()
    trunk = int.from_bytes(file.page(1)[32:36])
    while 0 < trunk <= file.n_pages and trunk not in found:
        found.add(trunk)
        page = file.page(trunk)
        n = min(int.from_bytes(page[4:8]), file.usable // 4 - 2)
        found.update(struct.unpack_from(f">{n}I", page, 8))
        trunk = int.from_bytes(page[:4])
    return found


def rows(file: PageFile, number: int) -> Iterator[Row]:
    """The rows of a leaf, without those that make no sense as such."""
    node = _Node.read(file, number)
    if node is None or node.kind != TABLE_LEAF:
        return
    for cell in node.cells:
        try:
            length, at = _varint(node.page, cell)
            row_id, at = _varint(node.page, at)
            payload = _payload(file, node.page, at, length)
            yield _signed(row_id), _record(payload, length)
        except (ValueError, IndexError):
            continue


@dataclass(frozen=True, slots=True)
class _Node:
    kind: int
    page: bytes
    cells: list[int]
    """Where they begin."""
    last_child: int

    @classmethod
    def read(cls, file: PageFile, number: int) -> "_Node | None":
        """None where the page is no node."""
        page = file.page(number)
        start = _HEADER_OF_FILE if number == 1 else 0
        kind = page[start]
        if kind not in NODES or not 0 < number <= file.n_pages:
            return None
        n_cells, first = int.from_bytes(page[start + 3 : start + 5]), start + NODES[kind]
        end = first + 2 * n_cells
        if end > file.usable:
            return None
        cells = struct.unpack_from(f">{n_cells}H", page, first)
        last_child = int.from_bytes(page[start + 8 : start + 12]) if kind in _INNER else 0
        return cls(kind, page, [cell for cell in cells if end <= cell < file.usable], last_child)

    def children(self) -> list[int]:
        """Of an inner node, in order."""
        left = [int.from_bytes(self.page[cell : cell + 4]) for cell in self.cells]
        return [*left, self.last_child]


def _payload(file: PageFile, page: bytes, at: int, length: int) -> bytes:
    """A table's record; shorter than `length` where its chain of pages is broken."""
    usable = file.usable
    if length > file.n_pages * file.size:
        raise ValueError(f"a record of {length} bytes in a file that is shorter")
    local = length
    if length > usable - 35:
        least = (usable - 12) * 32 // 255 - 23
        local = least + (length - least) % (usable - 4)
        local = local if local <= usable - 35 else least
    parts = [page[at : min(at + local, usable)]]
    missing = length - local
    following = int.from_bytes(page[at + local : at + local + 4]) if missing else 0
    while missing > 0 and 0 < following <= file.n_pages:
        overflow = file.page(following)
        part = overflow[4 : min(4 + missing, usable)]
        parts.append(part)
        missing -= len(part)
        following = int.from_bytes(overflow[:4])
    return b"".join(parts)


def _record(payload: bytes, length: int) -> list[Value]:
    """The values of a record that should be `length` bytes long."""
    end, at = _varint(payload, 0)
    types = []
    while at < end:
        kind, at = _varint(payload, at)
        types.append(kind)
    if at != end or end + sum(map(_width, types)) != length:
        raise ValueError("its header and its length contradict each other")
    values = []
    for kind in types:
        width = _width(kind)
        values.append(_value(kind, payload[at : at + width], width))
        at += width
    return values


def _width(kind: int) -> int:
    if kind in (10, 11):
        raise ValueError(f"there is no type {kind}")
    if kind >= 12:
        return (kind - 12) // 2
    return 8 if kind == 7 else _INTEGERS.get(kind, 0)


def _value(kind: int, data: bytes, width: int) -> Value:
    if len(data) < width:
        return LOST
    if kind == 0:
        return None
    if kind in _INTEGERS:
        return int.from_bytes(data, signed=True)
    if kind == 7:
        number: float = struct.unpack(">d", data)[0]
        return number
    if kind in (8, 9):
        return kind - 8
    if kind % 2 == 0:
        return data
    try:
        return data.decode()
    except UnicodeDecodeError:
        return LOST


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of 1 to 9 bytes, and where the next begins."""
    number = 0
    for n in range(8):
        byte = data[at + n]
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, at + n + 1
    return number << 8 | data[at + 8], at + 9


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number
