"""Reasoning kinds: the answer is computed, never looked up."""

from llm_eval.datasets.generate.questions import arithmetic, dates, puzzles, strings
from llm_eval.datasets.generate.questions.facts import World
from llm_eval.datasets.generate.questions.item import Kind


def kinds(world: World) -> list[Kind]:
    """Every reasoning kind."""
    return [*arithmetic.kinds(), *dates.kinds(), *puzzles.kinds(), *strings.kinds(world)]
