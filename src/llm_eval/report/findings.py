"""What a report shows of a run, found in one pass over its results.

>>> found = find(storage, storage.get_run("latest"))
>>> found.fields["items[].price"]["wrong"], len(found.failures), found.n_imperfect
(12, 40, 57)
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from llm_eval.metrics.collector import collect
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.report.diff import Piece, word_diff
from llm_eval.types import RunInfo, SampleResult, Score, Unscored

MAX_FAILURES = 200
MAX_FAILURE_CHARACTERS = 1_500_000
"""Of all texts of failures together: with markup, well below 5 MB."""
MAX_TEXT = 4_000
_MAX_FIELDS = 40
"""Wrong fields shown of one sample."""
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
"""What `repr` makes of a text."""


class FieldRow(NamedTuple):
    """A leaf of the expected or the given JSON that is not correct."""

    path: str
    status: str
    expected: str
    actual: str


class ScoreRow(NamedTuple):
    """A metric of one sample."""

    metric: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class FailedSample:
    """One sample that did not get the best score, in words that fit a page."""

    id: str
    slice: str | None
    epoch: int
    status: str
    trouble: str
    """Why there is no reply or no answer."""
    messages: tuple[tuple[str, str], ...]
    """(role, content)."""
    expected: str
    reply: str
    pieces: list[Piece]
    fields: list[FieldRow]
    scores: list[ScoreRow]

    @property
    def n_characters(self) -> int:
        """About how much of the page it takes."""
        prompt = sum(len(text) for _, text in self.messages)
        fields = sum(len(row.expected) + len(row.actual) for row in self.fields)
        return prompt + fields + len(self.expected) + 2 * len(self.reply)


@dataclass(slots=True)
class Findings:
    """A run and what stands out in it."""

    info: RunInfo
    numbers: Mapping[str, Any]
    """The run's `--json` object."""
    latencies_s: list[float] = field(default_factory=list)
    """Of the replies that were really asked for."""
    completion_tokens: list[int] = field(default_factory=list)
    fields: dict[str, Counter[str]] = field(default_factory=dict)
    """By path: how many were correct, wrong, missing, spurious."""
    troubles: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(kind, what): how many samples have no reply, no answer, or no score, and why."""
    failures: list[FailedSample] = field(default_factory=list)
    """Some of every slice."""
    n_imperfect: int = 0


def find(storage: MetricsStorage, info: RunInfo) -> Findings:
    """Read a run once; memory holds two numbers a sample and at most `MAX_FAILURES` samples."""
    numbers = info.summary or collect(storage, info.run_id).to_dict()
    found = Findings(info, numbers)
    for result in storage.results(info.run_id):
        _count(found, result)
    n_slices = len({label for label in numbers["slices"] if "=" not in label}) or 1
    most = max(10, MAX_FAILURES // n_slices)
    found.failures, found.n_imperfect = _some(storage, info, most)
    return found


def _count(found: Findings, result: SampleResult) -> None:
    response = result.response
    if response is not None:
        found.completion_tokens.append(response.usage.completion_tokens)
        if not response.cached:
            found.latencies_s.append(response.latency_s)
    if result.failure is not None:
        found.troubles["no reply", result.failure.code] += 1
    if result.parse_error is not None:
        found.troubles["no answer", cause(result.parse_error)] += 1
    for score in result.scores:
        if isinstance(score, Unscored):
            found.troubles[f"no {score.metric}", cause(score.reason)] += 1
        else:
            for leaf in (score.details or {}).get("fields", ()):
                found.fields.setdefault(leaf["path"], Counter())[leaf["status"]] += 1


def _some(storage: MetricsStorage, info: RunInfo, most: int) -> tuple[list[FailedSample], int]:
    """Failures in dataset order, at most `most` a slice; and how many there are in all."""
    shown: list[FailedSample] = []
    by_slice: Counter[str | None] = Counter()
    room, n = MAX_FAILURE_CHARACTERS, 0
    for result in storage.results(info.run_id, failures=True):
        n += 1
        of_slice = result.sample.slice
        if len(shown) < MAX_FAILURES and by_slice[of_slice] < most and room > 0:
            sample = failed_sample(result)
            shown.append(sample)
            by_slice[of_slice] += 1
            room -= sample.n_characters
    return shown, n


def cause(message: str) -> str:
    r"""A message without what it quotes, so that equal causes count as one.

    >>> cause("the JSON is cut off: '{\"total\": 12'")
    'the JSON is cut off'
    """
    return _short(_QUOTED.sub("…", message).removesuffix(": …"), 80)


def failed_sample(result: SampleResult) -> FailedSample:
    """What a page shows of one result."""
    expected = _text(result.sample.target)
    reply = result.response.text if result.response else ""
    fields = list(_wrong_fields(result))
    return FailedSample(
        id=_short(result.sample.id, 200),
        slice=result.sample.slice,
        epoch=result.epoch,
        status=result.status,
        trouble=_short(_trouble(result), 1_000),
        messages=tuple((m.role, _short(m.content, MAX_TEXT)) for m in result.prompt),
        expected=_short(expected, MAX_TEXT),
        reply=_short(reply, MAX_TEXT),
        pieces=[] if fields or len(reply) > MAX_TEXT else _difference(result.sample.target, reply),
        fields=fields[:_MAX_FIELDS],
        scores=[_score_row(score) for score in result.scores],
    )


def _difference(target: object, reply: str) -> list[Piece]:
    """From the target, or from the one of several allowed answers that is nearest."""
    several = isinstance(target, list) and all(isinstance(answer, str) for answer in target)
    allowed = target if several and isinstance(target, list) else [_text(target)]
    diffs = [word_diff(answer, reply) for answer in allowed[:10]]
    return max(diffs, key=_common, default=[])


def _common(pieces: list[Piece]) -> int:
    return sum(len(piece.text) for piece in pieces if piece.kind == "same")


def _trouble(result: SampleResult) -> str:
    if result.failure is not None:
        return f"{result.failure.code}: {result.failure.message}"
    return f"no answer: {result.parse_error}" if result.parse_error is not None else ""


def _wrong_fields(result: SampleResult) -> Iterator[FieldRow]:
    for score in result.scores:
        if isinstance(score, Score):
            for leaf in (score.details or {}).get("fields", ()):
                if leaf["status"] != "correct":
                    expected, actual = leaf.get("expected"), leaf.get("actual")
                    yield FieldRow(
                        leaf["path"],
                        leaf["status"],
                        "" if expected is None else _short(_text(expected), 400),
                        "" if actual is None else _short(_text(actual), 400),
                    )


def _score_row(score: Score | Unscored) -> ScoreRow:
    if isinstance(score, Unscored):
        return ScoreRow(score.metric, "—", _short(f"{score.state}: {score.reason}", 1_000))
    return ScoreRow(score.metric, f"{score.value:.3g}", _short(score.reason or "", 1_000))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def _text(value: object) -> str:
    """Text as it is, all else as JSON that is indented where it is long."""
    if isinstance(value, str):
        return value
    try:
        compact = msgspec.json.encode(value)
    except (TypeError, ValueError):
        return repr(value)
    return (compact if len(compact) < 80 else msgspec.json.format(compact, indent=2)).decode()
