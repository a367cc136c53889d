"""A rubric: what is graded, on which anchored levels, with which weights. YAML of people's own.

    name: qa_correctness
    reference: required
    pass_at: 1.0
    dimensions:
      - name: correctness
        weight: 1
        question: Does the reply give the answer that the reference gives?
        levels:
          - {name: wrong, means: "another answer, or none"}
          - {name: right, means: "the same answer, in whatever words"}

Its identity is its content: change a word and it is another rubric.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Literal

from llm_eval.errors import ConfigError
from llm_eval.fingerprint import digest
from llm_eval.registry import unknown
from llm_eval.yaml_source import Source, decode, load_yaml

PRESETS = Path(__file__).with_name("rubrics")
MAX_LEVELS = 5
"""More levels than that nobody keeps apart."""
PLACEHOLDERS = ("question", "reference", "candidate")
"""What a prompt of one's own may name, besides `input.FIELD`."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
Reference = Literal["required", "optional", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One grade, anchored by a description."""

    name: str
    means: str
    score: float | None = None
    """0…1; evenly spaced where no level gives one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One question that is answered with a level; levels ascend from worst to best."""

    name: str
    question: str
    levels: tuple[Level, ...]
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be graded by.

        Raises:
            ConfigError: names the dimension and what is wrong with it.
        """
        where = f"dimension {self.name!r}"
        if not _NAME.fullmatch(self.name) or self.name == "pass":
            raise ConfigError(f"{where}: a name is lower_case letters, digits, _; not 'pass'")
        if not 2 <= len(self.levels) <= MAX_LEVELS:
            raise ConfigError(f"{where}: 2 to {MAX_LEVELS} levels, got {len(self.levels)}")
        names = [level.name for level in self.levels]
        if len(set(names)) < len(names):
            raise ConfigError(f"{where}: two levels have one name: {', '.join(names)}")
        if not self.weight > 0:
            raise ConfigError(f"{where}: weight must be over 0, got {self.weight:g}")
        given = [level.score is not None for level in self.levels]
        if any(given) and not all(given):
            raise ConfigError(f"{where}: give every level a score, or none")
        scores = self.scores
        if any(a >= b for a, b in pairwise(scores)):
            raise ConfigError(f"{where}: scores must rise from level to level, got {scores}")
        if scores[0] < 0 or scores[-1] > 1:
            raise ConfigError(f"{where}: scores lie between 0 and 1, got {scores}")

    @property
    def scores(self) -> tuple[float, ...]:
        """The score of each level."""
        top = len(self.levels) - 1
        return tuple(
            position / top if level.score is None else level.score
            for position, level in enumerate(self.levels)
        )


@dataclass(frozen=True, kw_only=True)
class Rubric:
    """All that a judge, or a person, grades by."""

    name: str
    dimensions: tuple[Dimension, ...]
    description: str = ""
    guideline: str = ""
    """What all graders are told besides: edge cases, what does not count."""
    reference: Reference = "optional"
    """required: a sample without one is unscored; none: the judge never sees it."""
    pass_at: float = 1.0
    """Weighted score, by levels, from which a reply passes."""
    empty_passes: bool = False
    """A reply that says nothing is a good one here: it refuses, or claims nothing."""
    prompt: str | None = None
    """User message of one's own, with {{ question }}, {{ reference }}, {{ candidate }},
    {{ input.FIELD }}; all are fenced as data."""

    def __post_init__(self) -> None:
        """Refuse what cannot be graded by.

        Raises:
            ConfigError: no or doubled dimensions, weights that do not sum, an unknown placeholder.
        """
        if not self.dimensions:
            raise ConfigError("dimensions: at least one is needed")
        names = [dimension.name for dimension in self.dimensions]
        if len(set(names)) < len(names):
            raise ConfigError(f"two dimensions have one name: {', '.join(names)}")
        total = sum(dimension.weight for dimension in self.dimensions)
        if len(names) > 1 and abs(total - 1) > 1e-6:
            shown = " + ".join(f"{d.weight:g}" for d in self.dimensions)
            raise ConfigError(f"the weights must sum to 1: {shown} = {total:g}")
        if not 0 < self.pass_at <= 1:
            raise ConfigError(f"pass_at must be over 0 and at most 1, got {self.pass_at:g}")
        if self.prompt is not None:
            _check_placeholders(self.prompt, self.reference)

    def scored(self, levels: Mapping[str, float]) -> float:
        """Weighted mean of the dimensions' scores, 0…1."""
        total = sum(dimension.weight for dimension in self.dimensions)
        return sum(d.weight * levels[d.name] for d in self.dimensions) / total

    def passes(self, levels: Mapping[str, int]) -> bool:
        """Whether these levels, by position, reach `pass_at`."""
        scores = {d.name: d.scores[levels[d.name]] for d in self.dimensions}
        return self.scored(scores) >= self.pass_at - 1e-9

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of everything in it."""
        return digest(asdict(self))

    @cached_property
    def scale(self) -> str:
        """sha256 of dimensions, levels and guideline: labels of people hold for one scale."""
        graded_by = [
            (d.name, d.question, [(v.name, v.means) for v in d.levels], d.scores)
            for d in self.dimensions
        ]
        return digest((graded_by, self.guideline))


def load_rubric(name: str | Path) -> Rubric:
    """A preset by name, or the rubric in a YAML file.

    Raises:
        ConfigError: there is none, or something in it cannot be used; names file and line.
    """
    text = str(name)
    if not text.endswith((".yaml", ".yml")):
        if text not in preset_names():
            hint = unknown("rubric", text, preset_names())
            raise ConfigError(f"{hint} (or the path of a rubric YAML)")
        return read_rubric(load_yaml(PRESETS / f"{text}.yaml"))
    return read_rubric(load_yaml(name))


def read_rubric(source: Source) -> Rubric:
    """The rubric in a YAML that is read."""
    return decode(source, Rubric, what="rubric")


def preset_names() -> list[str]:
    """Rubrics that come with the package."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def fill(template: str, values: Mapping[str, str]) -> str:
    """Every placeholder replaced in one pass: what a value holds is never looked at again."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def placeholders(template: str) -> list[str]:
    """Names that the template asks for."""
    return [match[1] for match in _PLACEHOLDER.finditer(template)]


def _check_placeholders(template: str, reference: Reference) -> None:
    asked = placeholders(template)
    for name in asked:
        if not name.startswith("input.") and name not in PLACEHOLDERS:
            raise ConfigError(f"prompt: {unknown('placeholder', name, PLACEHOLDERS)}")
    if "candidate" not in asked:
        raise ConfigError("prompt: {{ candidate }} must stand in it: that is what is graded")
    if reference == "none" and "reference" in asked:
        raise ConfigError("prompt: names {{ reference }}, but the rubric has `reference: none`")
    if reference == "required" and "reference" not in asked:
        raise ConfigError("prompt: the rubric has `reference: required`, but no {{ reference }}")
