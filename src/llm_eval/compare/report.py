"""A comparison with all that a reader wants to see, written as Markdown, HTML or JSON.

>>> report = build_report(storage, comparisons, samples=10)
>>> write_report(report, Path("comparison.md"))
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from llm_eval.compare.choices import FORMATS
from llm_eval.compare.comparison import Comparison
from llm_eval.compare.replies import BothReplies, read_replies, sample_objects
from llm_eval.errors import ConfigError
from llm_eval.metrics import codec
from llm_eval.metrics.atomic_file import replacing
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import RunInfo


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison with the replies behind it."""

    comparison: Comparison
    newly_failing: tuple[BothReplies, ...]
    """The first of them; `comparison.changes` knows all."""
    newly_passing: tuple[BothReplies, ...]

    def to_dict(self) -> dict[str, Any]:
        """The `--json` object, with both replies of the samples that were read."""
        changes = self.comparison.changes
        return {
            **self.comparison.to_dict(),
            "newly_failing": sample_objects(self.newly_failing, changes.newly_failing),
            "newly_passing": sample_objects(self.newly_passing, changes.newly_passing),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """One or more runs against one baseline."""

    baseline: RunInfo
    compared: tuple[Compared, ...]


def build_report(
    storage: MetricsStorage, comparisons: Sequence[Comparison], *, samples: int = 10
) -> Report:
    """The comparisons with both replies of at most `samples` changed samples each way."""
    return Report(
        comparisons[0].baseline, tuple(_with_replies(storage, c, samples) for c in comparisons)
    )


def write_report(report: Report, path: Path) -> None:
    """Write `report` in the format that the file's ending names.

    Raises:
        ConfigError: the ending is none of `FORMATS`, or the file cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"report {path}: must end in {', '.join(FORMATS)}")
    module, _, name = FORMATS[path.suffix.lower()].partition(":")
    write: Callable[[Report], str] = getattr(import_module(module), name)
    text = write(report)
    with replacing(path) as stream:
        stream.write(text.encode())


def json_object(report: Report) -> dict[str, Any]:
    """The comparison, or all of them under `comparisons`."""
    objects = [compared.to_dict() for compared in report.compared]
    if len(objects) == 1:
        return objects[0]
    return {"baseline": report.baseline.run_id, "comparisons": objects}


def json_text(report: Report) -> str:
    """The `--json` object as text."""
    return pretty_json(json_object(report))


def pretty_json(value: object) -> str:
    """JSON text of whatever a model may say, lone surrogates too; ends with a newline."""
    text = codec.to_json(value)
    try:
        return msgspec.json.format(text, indent=2) + "\n"
    except msgspec.DecodeError:  # half a character in it
        return json.dumps(json.loads(text), indent=2) + "\n"


def _with_replies(storage: MetricsStorage, comparison: Comparison, limit: int) -> Compared:
    changes = comparison.changes
    if changes.metric is None:
        return Compared(comparison, (), ())
    runs = (comparison.baseline.run_id, comparison.current.run_id)
    failing, passing = (
        tuple(read_replies(storage, runs, changes.metric, samples, limit))
        for samples in (changes.newly_failing, changes.newly_passing)
    )
    return Compared(comparison, failing, passing)
