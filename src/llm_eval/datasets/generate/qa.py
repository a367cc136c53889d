"""The Q&A data set: questions drawn from facts and solvers, dealt to splits that share nothing.

    drawn = deal(load(Path("data/facts")))
    drawn["test"][0].item.question

Test and val are dealt before train, so that train is refused whatever would leak into them.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from llm_eval.datasets.generate.questions import factual, multi_hop, reasoning
from llm_eval.datasets.generate.questions.facts import World, load
from llm_eval.datasets.generate.questions.item import Item, Kind, shuffled, stream
from llm_eval.errors import DatasetError
from llm_eval.scorers.normalise import squad

SEED = 20250601
COUNTS = {
    "test": {"factual": 48, "reasoning": 40, "multi_hop": 32},
    "val": {"factual": 12, "reasoning": 10, "multi_hop": 8},
    "train": {"factual": 800, "reasoning": 667, "multi_hop": 533},
}
SPLITS = ("train", "val", "test")
CONTEXT_SHARE = {"factual": 1 / 3, "reasoning": 0.0, "multi_hop": 1 / 2}
HELD_OUT_SHARE = 0.24
"""Of test and val: rows of kinds that train never has."""
GRAM = 8
MAX_OVERLAP = 0.49
"""Largest share of the 8-grams of a test or val row that may occur in train."""
MAX_TRIES = 300


class Drawn(NamedTuple):
    """An item and where it came from."""

    slice: str
    kind: str
    item: Item


class Ledger:
    """What has been dealt, and what may therefore not be dealt any more."""

    def __init__(self) -> None:
        self._questions: set[str] = set()
        self._keys: set[tuple[str, str]] = set()
        self._facts: list[tuple[str, str]] = []
        self._stated: set[str] = set()
        self._grams: dict[str, list[int]] = defaultdict(list)
        self._covered: list[int] = []
        self._size: list[int] = []

    def admits(self, split: str, drawn: Drawn) -> bool:
        """Whether the item is new and, for train, tells nothing that test or val ask for."""
        item = drawn.item
        if (drawn.kind, item.key) in self._keys or squad(item.question) in self._questions:
            return False
        if split != "train":  # nor two questions about one fact
            return drawn.slice != "factual" or self._stated.isdisjoint(item.evidence)
        return not self._states_asked_fact(item) and not self._overlaps(item)

    def enter(self, split: str, drawn: Drawn) -> None:
        """Note an item that has been dealt."""
        item = drawn.item
        self._keys.add((drawn.kind, item.key))
        self._questions.add(squad(item.question))
        if split == "train":
            for gram in self._new_grams(item):
                for row in self._grams.pop(gram):
                    self._covered[row] += 1
            return
        if drawn.slice == "factual":
            self._facts.append((_words(item.key), _words(item.answers[0])))
            self._stated.update(item.evidence)
        for gram in (found := grams(item)):
            self._grams[gram].append(len(self._size))
        self._size.append(len(found))
        self._covered.append(0)

    def _states_asked_fact(self, item: Item) -> bool:
        lines = (*item.evidence, *item.context)
        if any(line in self._stated for line in lines):
            return True
        texts = [_words(line) for line in (*lines, f"{item.question} {item.answers[0]}")]
        return any(key in text and answer in text for key, answer in self._facts for text in texts)

    def _new_grams(self, item: Item) -> list[str]:
        return sorted(gram for gram in grams(item) if gram in self._grams)

    def _overlaps(self, item: Item) -> bool:
        more: dict[int, int] = defaultdict(int)
        for gram in self._new_grams(item):
            for row in self._grams[gram]:
                more[row] += 1
        return any(
            self._covered[row] + count > MAX_OVERLAP * self._size[row]
            for row, count in more.items()
        )


def grams(item: Item) -> set[str]:
    """The 8-grams of words of question and context; a shorter text is one gram."""
    words = squad(" ".join((item.question, *item.context))).split()
    return {" ".join(words[i : i + GRAM]) for i in range(max(1, len(words) - GRAM + 1))}


def deal(world: World) -> dict[str, list[Drawn]]:
    """The items of every split.

    Raises:
        DatasetError: the facts do not suffice for the counts.
    """
    kinds = {
        "factual": factual.kinds(world),
        "reasoning": reasoning.kinds(world),
        "multi_hop": multi_hop.kinds(world),
    }
    ledger = Ledger()
    splits: dict[str, list[Drawn]] = {}
    for split, counts in COUNTS.items():
        dealt: list[Drawn] = []
        for part, count in counts.items():
            dealt += _deal_slice(ledger, split, part, kinds[part], count)
        splits[split] = shuffled(stream(SEED, split, "order"), dealt)
    return splits


def rows(splits: Mapping[str, Sequence[Drawn]]) -> dict[str, list[dict[str, Any]]]:
    """The rows of every split, as they are written."""
    trained = {(drawn.slice, drawn.kind) for drawn in splits["train"]}
    return {
        split: [
            _row(f"qa-{split}-{n:04d}", drawn, (drawn.slice, drawn.kind) not in trained)
            for n, drawn in enumerate(splits[split], start=1)
        ]
        for split in SPLITS
    }


def write(facts: Path, out: Path) -> None:
    """Write train, val and test.jsonl and SHA256SUMS to `out`, from the facts under `facts`."""
    out.mkdir(parents=True, exist_ok=True)
    sums = []
    for split, values in rows(deal(load(facts))).items():
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in values)
        content = lines.encode()
        (out / f"{split}.jsonl").write_bytes(content)
        sums.append(f"{hashlib.sha256(content).hexdigest()}  {split}.jsonl\n")
    (out / "SHA256SUMS").write_bytes("".join(sums).encode())


def _words(text: str) -> str:
    """Padded with spaces, so that `in` finds whole words only."""
    return f" {squad(text)} "


def _row(name: str, drawn: Drawn, held_out: bool) -> dict[str, Any]:
    item = drawn.item
    return {
        "id": name,
        "slice": drawn.slice,
        "question": item.question,
        "context": "\n".join(item.context) if item.context else None,
        "answers": list(item.answers),
        "answer_type": item.answer_type,
        "evidence": list(item.evidence),
        "held_out": held_out,
    }


def _deal_slice(
    ledger: Ledger, split: str, part: str, kinds: Sequence[Kind], count: int
) -> Iterator[Drawn]:
    """`count` items of one slice, its kinds as evenly as they last."""
    rng = stream(SEED, split, part)
    held = 0 if split == "train" else round(HELD_OUT_SHARE * count)
    contexts = shuffled(rng, [n < round(CONTEXT_SHARE[part] * count) for n in range(count)])
    left = {
        flag: shuffled(rng, [kind for kind in kinds if kind.held_out is flag])
        for flag in (True, False)
    }
    for n, with_context in enumerate(contexts):
        turn = left[n < held]
        own = stream(SEED, split, part, n)
        drawn = None
        while drawn is None:
            if not turn:
                raise DatasetError(f"Q&A {split} {part}: no kind has an item {n + 1} of {count}")
            kind = turn.pop(0)
            drawn = _draw(ledger, split, part, kind, own, with_context)
        turn.append(kind)  # a kind that had nothing left stays out
        ledger.enter(split, drawn)
        yield drawn


def _draw(
    ledger: Ledger, split: str, part: str, kind: Kind, rng: Random, with_context: bool
) -> Drawn | None:
    for _ in range(MAX_TRIES):
        item = kind.draw(rng, with_context)
        if item is not None and ledger.admits(split, drawn := Drawn(part, kind.name, item)):
            return drawn
    return None
