"""Do rows of one split give away rows of another? Normalised duplicates and n-gram overlap.

    find_overlaps(seen=train_texts, held=test_texts)  →  [Overlap("test:7", "train:1203", 0.83)]

The measure is that of GPT-3's appendix C (Brown et al. 2020), by row: the share of a held-out
text's word n-grams that occur in the seen texts. Texts of less than 2 n words are compared whole.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

N = 8
THRESHOLD = 0.5
_WORD = re.compile(r"\w+")


class Overlap(NamedTuple):
    """A held-out text of which too much was seen."""

    held: str
    seen: str
    """The seen text that shares the most."""
    share: float
    """Of the held-out text's n-grams, those that occur in any seen text; 1.0 for a duplicate."""


def words(text: str) -> list[str]:
    """Words of `text` in NFKC, case folded, without punctuation."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def find_overlaps(
    seen: Mapping[str, str],
    held: Mapping[str, str],
    *,
    n: int = N,
    threshold: float = THRESHOLD,
) -> list[Overlap]:
    """Held-out texts with more than `threshold` of their n-grams among the seen ones.

    Args:
        seen: texts by name, such as the train split.
        held: texts by name, such as the test split.
        n: words of one n-gram; a text with less than twice as many is compared whole.
        threshold: the largest share that is no finding.
    """
    wanted = {gram for text in held.values() for gram in _grams(text, n)}
    owners: dict[tuple[str, ...], list[str]] = {}
    for name, text in seen.items():
        for gram in wanted.intersection(_grams(text, n)):
            owners.setdefault(gram, []).append(name)
    found = (_overlap(name, text, owners, n) for name, text in held.items())
    return [overlap for overlap in found if overlap is not None and overlap.share > threshold]


def duplicates(texts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Pairs of names (later, first) whose texts are the same words in the same order."""
    first: dict[tuple[str, ...], str] = {}
    for name, text in texts:
        earlier = first.setdefault(tuple(words(text)), name)
        if earlier != name:
            yield name, earlier


def _overlap(
    name: str, text: str, owners: Mapping[tuple[str, ...], list[str]], n: int
) -> Overlap | None:
    grams = _grams(text, n)
    shared = [owners[gram] for gram in grams if gram in owners]
    if not shared:
        return None
    counts: dict[str, int] = {}
    for owner in (owner for owned in shared for owner in owned):
        counts[owner] = counts.get(owner, 0) + 1
    return Overlap(name, max(counts, key=counts.__getitem__), len(shared) / len(grams))


def _grams(text: str, n: int) -> set[tuple[str, ...]]:
    """Runs of n words; the whole text where it has fewer than 2 n.

    Of so short a text a common phrase would be most.
    """
    found = words(text)
    if len(found) < 2 * n:
        return {tuple(found)} if found else set()
    return {tuple(found[i : i + n]) for i in range(len(found) - n + 1)}
