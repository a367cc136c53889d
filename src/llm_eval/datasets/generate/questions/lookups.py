"""Kinds that look something up: a chain of facts from one subject, or two subjects compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Generic, TypeVar

from llm_eval.datasets.generate.questions.item import (
    AnswerType,
    Item,
    Kind,
    pick,
    sample,
    sentence,
    shuffled,
)

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Lookup(Generic[S]):
    """What follows from one subject: a fact about it, or several in a row."""

    name: str
    pool: Sequence[S]
    """Subjects, the best known first."""
    shown: Callable[[S], str]
    """How the question names the subject."""
    evidence: Callable[[S], Sequence[str]]
    """The facts that lead from it to the answer."""
    answers: Callable[[S], tuple[str, ...]]
    phrasings: Sequence[str]
    """With {x} for the subject."""
    held_out: bool = False
    others: int = 4
    """Other subjects whose facts stand in the context."""

    def kind(self) -> Kind:
        """As a kind."""
        return Kind(self.name, self.draw, self.held_out)

    def draw(self, rng: Random, with_context: bool) -> Item | None:
        """One question; None where the question gives the answer away."""
        subject = pick(rng, self.pool)
        shown, answers = self.shown(subject), self.answers(subject)
        if answers[0].lower() in shown.lower():
            return None
        evidence = tuple(self.evidence(subject))
        lines = [*evidence]
        if with_context:
            for other in sample(rng, self.pool, min(self.others, len(self.pool))):
                lines += self.evidence(other)
        context = tuple(shuffled(rng, dict.fromkeys(lines))) if with_context else ()
        question = sentence(rng.choice(self.phrasings).format(x=shown))
        return Item(shown, question, answers, evidence, context)


@dataclass(frozen=True, slots=True)
class Comparison(Generic[S]):
    """Which of two subjects has more of something; the margin is wide."""

    name: str
    pool: Sequence[S]
    shown: Callable[[S], str]
    evidence: Callable[[S], Sequence[str]]
    answers: Callable[[S], tuple[str, ...]]
    value: Callable[[S], int]
    phrasings: Sequence[str]
    """With {a} and {b} for the subjects."""
    reason: str
    """Last line of the evidence: {x} is the answer, {a} the subject that wins, {b} the other."""
    held_out: bool = False
    ratio: float = 3.0
    """Sources differ on populations: the larger has at least this many times the smaller."""

    def kind(self) -> Kind:
        """As a kind."""
        return Kind(self.name, self.draw, self.held_out)

    def draw(self, rng: Random, with_context: bool) -> Item | None:
        """One question; None for two subjects that are too close."""
        a, b = pick(rng, self.pool), pick(rng, self.pool)
        more, less = (a, b) if self.value(a) > self.value(b) else (b, a)
        if self.value(more) < self.ratio * self.value(less) or self.shown(a) == self.shown(b):
            return None
        facts = (*self.evidence(a), *self.evidence(b))
        lines = list(facts)
        if with_context:
            for other in sample(rng, self.pool, 3):
                lines += self.evidence(other)
        context = tuple(shuffled(rng, dict.fromkeys(lines))) if with_context else ()
        winner = self.answers(more)
        last = sentence(self.reason.format(x=winner[0], a=self.shown(more), b=self.shown(less)))
        question = rng.choice(self.phrasings).format(a=self.shown(a), b=self.shown(b))
        key = "|".join(sorted((self.shown(a), self.shown(b))))
        choice: AnswerType = "choice"
        return Item(key, sentence(question), winner, (*facts, last), context, choice)
