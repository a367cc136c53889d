"""The labels that a judge was checked with, as a gate reads them.

    {"version": 1, "metric": "correct", "judge": {…}, "labelled_at": "2026-01-31",
     "raters": ["ann"], "labels": [{"sample": "9f…", "human": 1, "judge": 1}, …]}

`judge` is the scorer's entry in the run's recipe, to the letter: another model, prompt or version
is another judge, and the labels say nothing about it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from llm_eval.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Label:
    """One reply, graded by a person and by the judge."""

    human: float
    judge: float
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The labels that a judge was checked with."""

    metric: str
    judge: Mapping[str, Any]
    labelled_at: datetime
    labels: Sequence[Label]
    version: int = 1
    raters: Sequence[str] = ()
    """Who gave the labels; none where that is not known."""


def read_calibration(file: Path) -> Calibration:
    """The labels in `file`.

    Raises:
        ConfigError: it cannot be read; names the field that is wrong.
    """
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Calibration)
    except FileNotFoundError as exc:
        raise ConfigError(f"{file}: no such file; it holds the labels of the judge") from exc
    except OSError as exc:
        raise ConfigError(f"{file} cannot be read: {exc.strerror}") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{file}: no calibration of a judge: {exc}") from exc
    if found.version != 1:
        raise ConfigError(f"{file}: version {found.version} is newer than this llm-eval reads")
    return found


def write_calibration(file: Path, calibration: Calibration) -> None:
    """Write the labels so that `read_calibration` reads them: one a line, for a review."""
    head = msgspec.to_builtins(calibration)
    labels = head.pop("labels")
    lines = ",\n".join(json.dumps(label, sort_keys=True) for label in labels)
    text = json.dumps(head, sort_keys=True, indent=1).removesuffix("\n}")
    file.write_text(f'{text},\n "labels": [\n{lines}\n]}}\n', encoding="utf-8")


def from_confusion(
    report: Mapping[str, Any], metric: str, judge: Mapping[str, Any], created_at: str
) -> Calibration:
    """What `llm-eval judge calibrate` counted, as labels: who passed how many replies."""
    counts = report["pass"]["confusion"]
    labels = [
        *[Label(1, 1)] * counts["both"],
        *[Label(1, 0)] * counts["only_people"],
        *[Label(0, 1)] * counts["only_judge"],
        *[Label(0, 0)] * counts["neither"],
    ]
    when, raters = datetime.fromisoformat(created_at), report.get("raters", ())
    return Calibration(metric, judge, when, labels, raters=raters)
