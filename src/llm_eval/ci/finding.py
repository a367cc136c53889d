"""What a rule found: a status out of four, a number beside its limit, and why."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["pass", "fail", "inconclusive", "incomplete"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule held against one run, or one slice of it."""

    status: Status
    observed: float | None
    limit: float | None
    reason: str
    p_value: float | None = None
    """Two-sided evidence against the rule, for the correction; None where nothing was tested."""
    required_n: int | None = None
    """Samples at which a true value like the observed one would be decided 4 times in 5."""
    samples: tuple[str, ...] = ()
    """Names of the samples that the finding is about."""


class MissingEvidenceError(Exception):
    """The run has no such metric, slice or number; the rule's `on_missing` says what follows."""


class ErroredSamplesError(Exception):
    """Samples that the rule needs have no score; its `on_error` says what follows."""
