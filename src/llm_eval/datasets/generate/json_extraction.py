"""The JSON extraction data set: invented documents, and what is to be read from them.

    >>> next(generate()).id
    'json-train-0001'

Every row has its own stream of draws. Documents that repeat another, or whose words another split
has too many of, are drawn again; so the splits share no text.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from llm_eval.datasets.generate.dice import Dice
from llm_eval.datasets.generate.document import Document, DocumentType
from llm_eval.datasets.generate.documents import DOCUMENT_TYPES
from llm_eval.datasets.generate.fields import Schema

SEED = 20261123
SPLITS = {
    "train": {"easy": 667, "medium": 667, "hard": 400, "domain_specific": 266},
    "val": {"easy": 10, "medium": 10, "hard": 6, "domain_specific": 4},
    "test": {"easy": 40, "medium": 40, "hard": 24, "domain_specific": 16},
}
"""Rows by split and slice. The order matters: each split is kept apart from those before it."""

LENGTHS = (150, 1800)
"""Fewest and most characters of a text."""

_HELD_OUT_EVERY = 4
_GRAM = 8
_MOST_SHARED = 0.4
"""Most word 8-grams of a text that texts before it may have: the data card promises 0.5."""


class Row(NamedTuple):
    """One line of a split; the fields in the order of the file."""

    id: str
    slice: str
    doc_type: str
    held_out: bool
    text: str
    schema: Schema
    expected: dict[str, Any]


def generate(seed: int = SEED) -> Iterator[Row]:
    """All rows: train, val, test."""
    seen = _Seen()
    for split in SPLITS:
        for number, kind in enumerate(_kinds(seed, split), start=1):
            dice = Dice(f"{seed}:{split}:{number}")
            document = seen.fresh(kind, dice, apart=split != "train")
            row_id = f"json-{split}-{number:04}"
            yield Row(row_id, kind.slice, kind.name, kind.held_out, document.text, kind.schema,
                      document.expected)  # fmt: skip


def write(directory: Path, seed: int = SEED) -> None:
    """Write train.jsonl, val.jsonl, test.jsonl and SHA256SUMS into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    lines: dict[str, list[str]] = {split: [] for split in SPLITS}
    for row in generate(seed):
        lines[row.id.split("-")[1]].append(json.dumps(row._asdict(), ensure_ascii=False) + "\n")
    sums = []
    for split in SPLITS:
        content = "".join(lines[split]).encode()
        (directory / f"{split}.jsonl").write_bytes(content)
        sums.append(f"{hashlib.sha256(content).hexdigest()}  {split}.jsonl\n")
    (directory / "SHA256SUMS").write_bytes("".join(sums).encode())


def _kinds(seed: int, split: str) -> list[DocumentType]:
    """The document type of every row, slices and types mixed.

    Outside train, one in four rows of a slice is of a type that train never has.
    """
    kinds = []
    for name, count in SPLITS[split].items():
        known = [kind for kind in DOCUMENT_TYPES if kind.slice == name and not kind.held_out]
        new = [kind for kind in DOCUMENT_TYPES if kind.slice == name and kind.held_out]
        held_out = 0 if split == "train" else -(-count // _HELD_OUT_EVERY)
        start = Dice(f"{seed}:{split}:{name}").whole(0, 99)  # few rows: not always the first types
        kinds += [known[(start + i) % len(known)] for i in range(count - held_out)]
        kinds += [new[(start + i) % len(new)] for i in range(held_out)]
    return Dice(f"{seed}:{split}:order").some(kinds, len(kinds))


class _Seen:
    """The texts so far."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.grams: set[tuple[str, ...]] = set()

    def fresh(self, kind: DocumentType, dice: Dice, *, apart: bool) -> Document:
        """A document of `kind` that is new, of fair length and, if `apart`, in words of its own."""
        while True:
            document = kind.make(dice)
            words = normalised(document.text).split()
            grams = word_grams(words)
            shared = sum(gram in self.grams for gram in grams) / max(1, len(grams))
            long_enough = LENGTHS[0] <= len(document.text) <= LENGTHS[1]
            text = " ".join(words)
            if long_enough and text not in self.texts and not (apart and shared > _MOST_SHARED):
                self.texts.add(text)
                self.grams.update(grams)
                return document


def normalised(text: str) -> str:
    """Lower-case words and numbers with single blanks, for comparing texts."""
    return " ".join(re.findall(r"\w+", text.lower()))


def word_grams(words: list[str]) -> list[tuple[str, ...]]:
    """Every run of eight words."""
    return [tuple(words[i : i + _GRAM]) for i in range(len(words) - _GRAM + 1)]
