"""Is a data set fit to be evaluated on? Proved row by row, without a model.

    check(build_task("json"))  →  [Finding("gold", "json-test-0007", "scores 0.9, not 1")]

The expected answer must score best under the task's own scorers, and a changed one must not.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jsonschema_rs
import msgspec

from llm_eval.as_text import as_text
from llm_eval.datasets.contamination import duplicates, find_overlaps
from llm_eval.datasets.derivable import corrupted, underivable
from llm_eval.datasets.load import load_rows
from llm_eval.datasets.splits import split_file
from llm_eval.event_loop import in_own_loop
from llm_eval.grading import grade
from llm_eval.scorers.normalise import squad
from llm_eval.tasks.base import Task
from llm_eval.types import ModelResponse, Sample, Score

HELD_OUT_SHARE = 0.2
SLICES: Mapping[str, Mapping[str, int]] = {
    "json": {"easy": 50, "medium": 50, "hard": 30, "domain_specific": 20},
    "qa": {"factual": 60, "reasoning": 50, "multi_hop": 40},
}
"""Rows of validation and test together, by slice; validation has a fifth of each."""
SIZES = {"train": 2000, "val": 30, "test": 120}
DIRECTORIES = {"json": "json_extraction", "qa": "qa"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a row, or with a split."""

    check: str
    """target | gold | corrupted | duplicate | leak | schema | derivable | counts | held_out |
    sha256."""
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked, and what was found."""

    task: str
    n_rows: Mapping[str, int]
    findings: Sequence[Finding]


def check(task: Task) -> Report:
    """Check every split that the task has.

    Raises:
        DatasetError: a row cannot be read at all.
    """
    splits = {split: list(task.samples(split)) for split in task.splits}
    findings = in_own_loop(lambda: _scored(task, splits)) + list(_repeated(splits))
    if task.name in DIRECTORIES:
        findings += [*_own_checks(task.name, splits)]
    return Report(task.name, {split: len(rows) for split, rows in splits.items()}, findings)


def text_of(sample: Sample) -> str:
    """All that a model reads of a sample, without the instruction; schemas left out."""
    inputs = sample.inputs
    parts = [inputs[name] for name in inputs if name != "schema" and inputs[name] is not None]
    return "\n".join(map(as_text, parts))


async def _scored(task: Task, splits: Mapping[str, Sequence[Sample]]) -> list[Finding]:
    """The gold answer is best on every metric; a changed one is not best on the first."""
    findings = []
    for sample in _all(splits):
        if sample.target in (None, "", []):  # a cell that nobody filled in: no reply is right
            findings.append(Finding("target", sample.id, "the row has no expected answer"))
            continue
        for score in await _scores(task, sample, sample.target):
            if not score.is_best:
                message = f"the expected answer scores {score.value} on {score.metric}"
                findings.append(Finding("gold", sample.id, message))
        first = (await _scores(task, sample, corrupted(sample.target)))[0]
        if first.is_best:
            message = f"a wrong answer scores {first.value} on {first.metric}"
            findings.append(Finding("corrupted", sample.id, message))
    return findings


class _Scored(NamedTuple):
    metric: str
    value: float | None
    best: float

    @property
    def is_best(self) -> bool:
        return self.value == self.best


async def _scores(task: Task, sample: Sample, target: Any) -> list[_Scored]:
    """What a model would get that answers with `target`."""
    reply = ModelResponse(task.completion(replace(sample, target=target)), "gold")
    best = {metric.name: metric.best for scorer in task.scorers for metric in scorer.metrics}
    return [
        _Scored(s.metric, s.value if isinstance(s, Score) else None, best[s.metric])
        for s in (await grade(task, sample, reply)).scores
    ]


def _repeated(splits: Mapping[str, Sequence[Sample]]) -> Iterator[Finding]:
    texts = {sample.id: text_of(sample) for sample in _all(splits)}
    for later, first in duplicates(texts.items()):
        yield Finding("duplicate", later, f"the same text as {first}")
    train = {s.id: texts[s.id] for s in splits.get("train", ())}
    held = {s.id: texts[s.id] for name in splits if name != "train" for s in splits[name]}
    for overlap in find_overlaps(train, held):
        yield Finding("leak", overlap.held, f"{overlap.share:.0%} of it occurs in {overlap.seen}…")


def _own_checks(task: str, splits: Mapping[str, Sequence[Sample]]) -> Iterator[Finding]:
    """What is promised of the data sets that come with the package."""
    yield from _counts(task, splits)
    yield from _held_out(splits)
    yield from _digests(task)
    for split in splits:
        for place, row in load_rows(split_file(DIRECTORIES[task], split)):
            for check_name, message in _ROW_CHECKS[task](row):
                yield Finding(check_name, row.get("id", place), message)


def _counts(task: str, splits: Mapping[str, Sequence[Sample]]) -> Iterator[Finding]:
    for split, size in SIZES.items():
        if len(splits[split]) != size:
            yield Finding("counts", split, f"has {len(splits[split])} rows, not {size}")
    for split, share in (("val", 0.2), ("test", 0.8)):
        counts = Counter(sample.slice for sample in splits[split])
        wanted = {name: round(n * share) for name, n in SLICES[task].items()}
        if counts != wanted:
            yield Finding("counts", split, f"slices {dict(counts)}, not {wanted}")


def _held_out(splits: Mapping[str, Sequence[Sample]]) -> Iterator[Finding]:
    """Rows of kinds that train never shows: none in train, at least a fifth of test."""
    shares = {
        split: sum(sample.groups["held_out"] == "yes" for sample in rows) / max(1, len(rows))
        for split, rows in splits.items()
    }
    if shares["train"] > 0:
        yield Finding("held_out", "train", f"{shares['train']:.0%} are marked as held out")
    if shares["test"] < HELD_OUT_SHARE:
        yield Finding("held_out", "test", f"only {shares['test']:.0%} come from unseen kinds")
    trained = {sample.groups.get("doc_type") for sample in splits["train"]} - {None}
    for sample in splits["test"]:
        if sample.groups["held_out"] == "yes" and sample.groups.get("doc_type") in trained:
            yield Finding("held_out", sample.id, f"{sample.groups['doc_type']} occurs in train")


def _digests(task: str) -> Iterator[Finding]:
    """The committed digests beside the files."""
    directory = split_file(DIRECTORIES[task], "test").parent
    sums = directory / "SHA256SUMS"
    if not sums.exists():
        yield Finding("sha256", str(sums.name), "is not there")
        return
    for line in sums.read_text().splitlines():
        digest, name = line.split(maxsplit=1)
        file = directory / name.lstrip("*")
        if not file.exists() or hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            yield Finding("sha256", file.name, "is not the file that was committed")


def _json_row(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        jsonschema_rs.validate(row["schema"], row["expected"])
    except jsonschema_rs.ValidationError as exc:
        yield "schema", exc.message
    for leaf in underivable(row["expected"], row["schema"], row["text"]):
        yield "derivable", f"{leaf.path} = {leaf.value!r} is not in the text"


def _qa_row(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    answers, context = row["answers"], row["context"]
    if len({*answers}) < len(answers):
        yield "duplicate", "an answer is listed twice"
    if not all(map(squad, answers)):
        yield "derivable", "an answer is empty once normalised"
    evidence = squad(" ".join(row["evidence"]))
    if not any(squad(answer) in evidence for answer in answers):
        yield "derivable", f"the evidence does not say {answers[0]!r}"
    computed = row["answer_type"] in ("boolean", "number") or row["slice"] == "reasoning"
    if context and not computed and not any(squad(a) in squad(context) for a in answers):
        yield "derivable", f"the context does not say {answers[0]!r}"


_ROW_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[tuple[str, str]]]] = {
    "json": _json_row,
    "qa": _qa_row,
}


def _all(splits: Mapping[str, Sequence[Sample]]) -> Iterator[Sample]:
    for rows in splits.values():
        yield from rows


def summary(report: Report) -> dict[str, Any]:
    """The `--json` object."""
    return {
        "task": report.task,
        "rows": report.n_rows,
        "findings": [msgspec.to_builtins(finding) for finding in report.findings],
    }
