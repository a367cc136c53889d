"""`llm-eval show`: a stored run: its numbers, its failures one by one, a single sample."""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, repeat
from typing import Any

import msgspec

from llm_eval.cli.database import open_storage
from llm_eval.cli.summary import print_summary
from llm_eval.cli.terminal import clean, one_line, output, write_json
from llm_eval.errors import ConfigError
from llm_eval.metrics.collector import collect
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.registry import nearest
from llm_eval.types import SampleResult, Score, Unscored

_INDENT = 12
"""Cells before a text: its name, and two."""
_LEAST = 20
"""Cells of a text, however narrow the terminal is."""


def execute(args: argparse.Namespace) -> int:
    """Print the run's table, or the samples that were asked for."""
    with open_storage(args, existing=True) as storage:
        info = storage.get_run(args.run)
        if not args.failures and args.sample is None and args.slice is None:
            numbers = info.summary or collect(storage, info.run_id).to_dict()
            write_json(numbers) if args.json else print_summary(numbers, db=args.db)
            return 0
        results = storage.results(
            info.run_id,
            slice=args.slice,
            failures=args.failures,
            sample=args.sample,
            limit=args.limit + 1,
        )
        first = next(results, None)
        if first is None:
            _check_names(storage, info.run_id, args)
        found = chain(() if first is None else (first,), results)
        if args.json:
            write_json({"run_id": info.run_id, "results": list(found)[: args.limit]})
        elif first is None:
            output().print("no sample fits")
        else:
            _print_all(found, args)
    return 0


def _print_all(results: Iterable[SampleResult], args: argparse.Namespace) -> None:
    for shown, result in enumerate(results, start=1):
        if shown > args.limit:
            output().print(f"… there are more: --limit {10 * args.limit}", style="dim")
            return
        print_sample(result, whole=args.sample is not None)


def _check_names(storage: MetricsStorage, run_id: str, args: argparse.Namespace) -> None:
    """Refuse a slice or a sample that the run has not; what merely fits no sample is an answer."""
    if args.slice is not None and args.slice not in (known := storage.slice_names(run_id)):
        raise ConfigError(f"run {run_id} has no slice {args.slice!r}; {nearest(args.slice, known)}")
    if args.sample is not None and not any(storage.results(run_id, sample=args.sample, limit=1)):
        hint = nearest(args.sample, storage.sample_names(run_id))
        raise ConfigError(f"run {run_id} has no sample {args.sample!r}; {hint}")


def print_sample(result: SampleResult, *, whole: bool) -> None:
    """One sample: what was asked, what was expected, what came, and what it scored."""
    console = output()
    console.rule(clean(_heading(result)), align="left", style="dim")
    for message in result.prompt:
        _block(message.role, message.content, whole=whole)
    _block("expected", _text(result.sample.target), whole=whole)
    if result.response is not None:
        _block("reply", result.response.text or "(empty)", whole=whole)
    if result.failure is not None:
        _block("failed", f"{result.failure.code}: {result.failure.message}", whole=True)
    if result.parse_error is not None:
        _block("no answer", result.parse_error, whole=True)
    for score in result.scores:
        _print_score(score)
    console.print()


def _heading(result: SampleResult) -> str:
    parts = [result.sample.id, result.sample.slice, result.status]
    if result.epoch:
        parts.append(f"epoch {result.epoch}")
    return " · ".join(part for part in parts if part)


def _print_score(score: Score | Unscored) -> None:
    console = output()
    if isinstance(score, Unscored):
        console.print(clean(f"  {score.metric:18} unscored: {score.reason}"))
        return
    console.print(clean(f"  {score.metric:18} {score.value:.3g}"))
    for field in _wrong_fields(score.details or {}):
        _print_field(field)


def _print_field(field: Mapping[str, Any]) -> None:
    """On one line, or expected above got where the terminal is narrow."""
    console = output()
    start = f"    {field['status']:9} {one_line(field['path'], 32):32} "
    room = max(_LEAST, console.width - len(start) - len("expected "))
    expected, actual = (one_line(_text(field.get(name)), room) for name in ("expected", "actual"))
    line = f"{start}expected {expected}  got {actual}"
    if len(line) > console.width:
        line = f"{start}expected {expected}\n{'':{len(start)}}got      {actual}"
    console.print(line, soft_wrap=True)


def _wrong_fields(details: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for field in details.get("fields", ()):
        if field["status"] != "correct":
            yield field


def _block(name: str, text: str, *, whole: bool) -> None:
    """A text beside its name, in a column of its own however long its lines are."""
    from rich.text import Text

    shown = clean(text) if whole or len(text) <= 600 else f"{clean(text[:600])}…"
    console, names = output(), chain([name], repeat(""))
    lines, width = Text("\n".join(shown.splitlines())), max(_LEAST, console.width - _INDENT)
    for line in lines.wrap(console, width, overflow="fold"):
        console.print(f"{next(names):>{_INDENT - 2}}  {line.plain.rstrip()}", soft_wrap=True)


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
