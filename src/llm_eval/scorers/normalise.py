"""Stated rules under which two strings are the same answer."""

import re
import string
import unicodedata
from functools import lru_cache

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_ARTICLE_WORDS = frozenset({"a", "an", "the"})
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_SPACES = re.compile(r"\s+")


@lru_cache(maxsize=64)  # several metrics of one sample ask for the same texts
def squad(text: str) -> str:
    """SQuAD v1.1: lower case, no ASCII punctuation, no articles, single spaces.

    Curly quotes stay, as in the reference script (Rajpurkar et al. 2016).
    """
    bare = text.lower().translate(_PUNCTUATION)
    if bare.isascii() and bare.isprintable():  # only spaces part its words: a third of the time
        return " ".join([word for word in bare.split() if word not in _ARTICLE_WORDS])
    return " ".join(_ARTICLES.sub(" ", bare).split())


def loose(text: str) -> str:
    """NFKC, case folded, single spaces, without punctuation at either end."""
    folded = _SPACES.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
    # A text of punctuation alone keeps it, or `?` would equal `!`.
    return folded.strip(" .,;:!?\"'`“”‘’") or folded
