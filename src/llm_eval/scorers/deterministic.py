"""Scorers for short text answers. The target is one accepted answer or a list of them.

ExactMatch().grade(sample(target=["Paris", "paris, france"]), "Paris.")  →  exact_match 1.0
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import regex

from llm_eval.errors import ConfigError, ScorerError
from llm_eval.scorers import normalise, numbers
from llm_eval.scorers.base import Deterministic, Scores
from llm_eval.types import Metric, Sample, Score

Normalisation = Literal["squad", "loose", "none"]
_EXACT_MATCH, _TOKEN_F1 = (Metric("exact_match", "rate"),), (Metric("token_f1"),)
"""Made once: every sample asks for them."""
_OPENING, _CLOSING = r"""[\s*_"'`$({\[\\]""", r"""[ \t\r*_"'`$)}\].\\]"""
"""What Markdown, TeX and quotation marks put around a letter."""
_RULES: dict[str, Callable[[str], str]] = {
    "squad": normalise.squad,
    "loose": normalise.loose,
    "none": str,
}


def accepted(sample: Sample) -> Sequence[str]:
    """The answers that count as right.

    Raises:
        ScorerError: the row has none.
    """
    target = sample.target
    if isinstance(target, str):
        return (target,)
    given = target if isinstance(target, list | tuple) else [target]
    answers = [str(answer) for answer in given if answer is not None]
    if not answers:
        raise ScorerError(f"sample {sample.id!r} has no target to compare with")
    return answers


@dataclass(frozen=True, slots=True)
class ExactMatch(Deterministic):
    """1 where the answer equals an accepted one after normalisation."""

    name: ClassVar[str] = "exact_match"
    normalise: Normalisation = "squad"
    numeric: bool = True
    """Where an accepted answer is a number, an equal number in another form is right too."""

    def __post_init__(self) -> None:
        """Refuse a rule that is not there."""
        _rule(self.normalise)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """`exact_match`, a rate."""
        return _EXACT_MATCH

    def grade(self, sample: Sample, answer: Any) -> Scores:
        """Compare with every accepted answer."""
        rule, given = _rule(self.normalise), str(answer)
        normal = rule(given)
        for wanted in accepted(sample):
            if normal == rule(wanted) or (self.numeric and _same_number(given, wanted)):
                return [Score("exact_match", 1.0)]
        return [Score("exact_match", 0.0)]


@dataclass(frozen=True, slots=True)
class TokenF1(Deterministic):
    """Overlap of words with the nearest accepted answer (SQuAD v1.1)."""

    name: ClassVar[str] = "token_f1"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """`token_f1`, from 0 to 1."""
        return _TOKEN_F1

    def grade(self, sample: Sample, answer: Any) -> Scores:
        """The best F1 over the accepted answers."""
        words = normalise.squad(str(answer)).split()
        best = max(_f1(words, normalise.squad(a).split()) for a in accepted(sample))
        return [Score("token_f1", best)]


@dataclass(frozen=True, slots=True)
class NumericMatch(Deterministic):
    """1 where the last number in the answer is an accepted number."""

    name: ClassVar[str] = "numeric_match"
    relative_tolerance: float = 1e-6
    absolute_tolerance: float = 0.0
    """What counts besides, however small the numbers are; of an expected 0 it is all there is."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """`numeric_match`, a rate."""
        return (Metric("numeric_match", "rate"),)

    def grade(self, sample: Sample, answer: Any) -> Scores:
        """Compare as numbers, within either tolerance."""
        wanted = [numbers.last_number(text) for text in accepted(sample)]
        if None in wanted:
            raise ScorerError(f"sample {sample.id!r}: target {sample.target!r} is no number")
        found = numbers.last_number(str(answer))
        right = found is not None and any(
            numbers.close(found, w, self.relative_tolerance, self.absolute_tolerance)
            for w in wanted
            if w is not None
        )
        return [Score("numeric_match", float(right))]


@dataclass(frozen=True, slots=True)
class Contains(Deterministic):
    """1 where an accepted answer stands in the reply."""

    name: ClassVar[str] = "contains"
    ignore_case: bool = True

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """`contains`, a rate."""
        return (Metric("contains", "rate"),)

    def grade(self, sample: Sample, answer: Any) -> Scores:
        """Look for each accepted answer."""
        fold = str.casefold if self.ignore_case else str
        text, wanted = fold(str(answer)), _findable(sample)
        return [Score("contains", float(any(fold(a) in text for a in wanted)))]


@dataclass(frozen=True, slots=True)
class RegexMatch(Deterministic):
    """1 where a pattern is found in the answer: the configured one, else the row's target."""

    name: ClassVar[str] = "regex"
    pattern: str | None = None
    ignore_case: bool = False
    full: bool = False
    """The whole answer must match, not a part of it."""
    time_limit_s: float = 0.5
    """Patterns can take exponential time; one that does leaves the sample unscored."""

    def __post_init__(self) -> None:
        """Refuse a pattern that is none, and a limit that no pattern keeps."""
        if not self.time_limit_s > 0:
            raise ConfigError(f"regex: time_limit_s must be above 0, got {self.time_limit_s}")
        if self.pattern is not None:
            if not self.pattern.strip():
                raise ConfigError("regex: pattern is blank, which every reply matches")
            _compiled(self.pattern, ignore_case=self.ignore_case)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """`regex`, a rate."""
        return (Metric("regex", "rate"),)

    def grade(self, sample: Sample, answer: Any) -> Scores:
        """Search within the time limit."""
        text = str(answer)
        if self.pattern is not None:
            return [Score("regex", float(self._matches(self.pattern, text)))]
        try:
            found = any(self._matches(pattern, text) for pattern in _findable(sample))
        except ConfigError as exc:
            raise ScorerError(f"sample {sample.id!r}: {exc}") from exc
        return [Score("regex", float(found))]

    def _matches(self, pattern: str, text: str) -> bool:
        compiled = _compiled(pattern, ignore_case=self.ignore_case)
        look = compiled.fullmatch if self.full else compiled.search
        try:
            return look(text, timeout=self.time_limit_s) is not None
        except TimeoutError:
            raise ScorerError(f"pattern {pattern!r} took over {self.time_limit_s} s") from None


@dataclass(frozen=True, slots=True)
class Choice(Deterministic):
    r"""1 where the letter that the answer chooses is the right one.

    A letter counts when it stands alone (`B`, `(B)`, `B.`, `**B**`) or after a word that announces
    it (`answer: B`, `option B`, `**Answer:** $B$`, `\boxed{B}`); the last announced letter wins.
    A small letter counts where its line ends behind it: `answer: a fish` chooses nothing. Letters
    inside words never count, so `INCORRECT` is not C. Two different letters without an
    announcement are no choice.
    """

    name: ClassVar[str] = "choice"
    letters: str = "ABCDEFGHIJ"

    def __post_init__(self) -> None:
        """Refuse to choose among nothing."""
        if not self.letters:
            raise ConfigError("choice: letters are empty; name the ones to choose from")

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """`choice`, a rate."""
        return (Metric("choice", "rate"),)

    def grade(self, sample: Sample, answer: Any) -> Scores:
        """Compare the chosen letter with the target's."""
        right = {self._chosen(wanted) for wanted in accepted(sample)}
        if None in right:
            raise ScorerError(
                f"sample {sample.id!r}: target {sample.target!r} is none of the letters "
                f"{self.letters}"
            )
        chosen = self._chosen(str(answer))
        return [Score("choice", float(chosen in right), f"chose {chosen}")]

    def _chosen(self, text: str) -> str | None:
        letters = f"[{regex.escape(self.letters.upper())}]"
        either = f"[{regex.escape(self.letters.upper() + self.letters.lower())}]"
        alone = regex.fullmatch(rf"[\s*(\[]*+({either})[\s*)\].:]*+", text)
        if alone:
            return str(alone[1]).upper()
        # Possessive repeats (`*+`) give nothing back: long runs of spaces cost linear time.
        announced = regex.findall(
            rf"(?i:answer|option|choice|\\boxed)(?i:\s++is)?[\s*]*+:?{_OPENING}*+"
            rf"({letters}\b(?![’']\w)|{either}(?={_CLOSING}*+$))",
            text,
            regex.MULTILINE,
        )
        if announced:
            return str(announced[-1]).upper()
        standing = set(regex.findall(rf"(?:^|\s)[*(\[]*+({letters})[)\].:*]", text))
        return standing.pop() if len(standing) == 1 else None


def _findable(sample: Sample) -> Sequence[str]:
    """The accepted answers, to be looked for within a reply.

    Raises:
        ScorerError: there is none, or one is blank: a cell that nobody filled in.
    """
    wanted = accepted(sample)
    if not all(map(str.strip, wanted)):
        raise ScorerError(f"sample {sample.id!r}: a blank target is found in every reply")
    return wanted


def _rule(name: str) -> Callable[[str], str]:
    try:
        return _RULES[name]
    except KeyError:
        raise ConfigError(f"normalise: {name!r} is none of {', '.join(_RULES)}") from None


def _same_number(given: str, wanted: str) -> bool:
    right = numbers.number(wanted)
    if right is None:
        return False
    found = numbers.number(given)
    # No absolute tolerance: under one, 6.6e-34 and 1.6e-19 are the same constant.
    return found is not None and numbers.close(found, right, 1e-9, 0.0)


def _f1(given: Sequence[str], wanted: Sequence[str]) -> float:
    if not given or not wanted:
        return float(given == wanted)
    left: dict[str, int] = {}  # a Counter takes three times as long to make of a few words
    for word in wanted:
        left[word] = left.get(word, 0) + 1
    common = 0
    for word in given:
        if left.get(word):
            left[word] -= 1
            common += 1
    return 2 * common / (len(given) + len(wanted))


def _compiled(pattern: str, *, ignore_case: bool) -> "regex.Pattern[str]":
    try:
        return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
    except regex.error as exc:
        raise ConfigError(f"regex pattern {pattern!r}: {exc}") from exc
